#include "runtime/store/limits.hpp"
#include "runtime/store/object_store.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/identity/record.hpp"
#include "tests/runtime/store/store_fixture.hpp"

#include <rapidcheck.h>

using namespace store_fixture;

namespace {

using status = remote_commit_outcome::status;

std::vector<tree_entry> contents(replica& of) {
  std::vector<tree_entry> all;
  got(of.store->each_below(of.view(), "/", [&](const tree_entry& each) {
    all.push_back(each);
    return step::next;
  }));
  return all;
}

/// Every object that the view names is there and opens.
void check_whole(replica& of) {
  REQUIRE(got(of.store->missing_of_tips(true)).addresses.empty());
  for (auto& each : contents(of)) REQUIRE(of.read(each.path));
}

} // namespace

TEST_CASE("what was committed is read back, after a reopening too") {
  replica one{1};
  auto large = random_bytes(5, 3u << 20);
  auto made = got(one.store->commit_changes({one.file("/large", large), one.file("/empty", {})}, "two", at_ms(10), one.by));
  REQUIRE(made.entries == 2);
  one.put("/docs/a.txt", "hello", 20);
  one.reopen();
  REQUIRE(one.read("/docs/a.txt") == "hello");
  REQUIRE(one.read("/large") == to_text(large));
  REQUIRE(one.read("/empty") == "");
  auto entry = *got(one.store->find(one.view(), "/large"));
  REQUIRE(to_text(got(read_file(one.store->chunks(), entry, 1000000, 5))) == to_text(byte_view{large}.subspan(1000000, 5)));
  REQUIRE(got(read_file(one.store->chunks(), entry, 3u << 20, 5)).empty());
}

TEST_CASE("the same file again changes nothing and makes no commit") {
  replica one{1};
  auto first = one.put("/a", "same", 10);
  auto again = one.put("/a", "same", 20);
  REQUIRE(again.entries == 0);
  REQUIRE(again.id == first.id);
  REQUIRE(one.remove("/nothing", 30).entries == 0);
}

TEST_CASE("bad changes are refused and leave nothing behind") {
  replica one{1};
  auto bad_path = one.file("/a", as_bytes("x"));
  bad_path.path = "/a/";
  REQUIRE(one.store->commit_changes({bad_path}, "", at_ms(1), one.by).why().code == error_code::usage);
  auto absent = one.file("/a", as_bytes("x"));
  absent.chunks[0].address.value.fill(1);
  REQUIRE(one.store->commit_changes({absent}, "", at_ms(1), one.by).why().code == error_code::not_found);
  auto wrong_size = one.file("/a", as_bytes("x"));
  wrong_size.size = 2;
  REQUIRE(one.store->commit_changes({wrong_size}, "", at_ms(1), one.by).why().code == error_code::usage);
  REQUIRE(one.store->tips().empty());
}

TEST_CASE("an object that the disk has damaged is absent, whatever it is, and comes again from whoever has it") {
  REQUIRE(rc::check([] {
    replica one{1}, two{2};
    std::map<std::string, std::string> files;
    for (int i = 0; i < 20; ++i)
      one.put("/d/" + std::to_string(i), files["/d/" + std::to_string(i)] = std::string(100, static_cast<char>('a' + i)), i);
    tree_entry listed; // with a list of chunks of its own
    listed.path = "/listed";
    listed.chunks.assign(3000, one.file("/x", as_bytes("0123456789")).chunks[0]);
    listed.size = 30000;
    got(one.store->commit_changes({listed}, "", at_ms(100), one.by));
    two.pull(one);
    std::vector<byte_string> keys;
    did(two.db.scan(family::chunks, {}, {}, [&](byte_view key, byte_view) {
      keys.push_back(to_bytes(key));
      return true;
    }));
    for (auto& key : *rc::gen::nonEmpty(rc::gen::container<std::vector<byte_string>>(rc::gen::elementOf(keys))))
      two.db.rot(family::chunks, key, *rc::gen::arbitrary<std::uint64_t>());
    two.reopen(); // nothing is cached
    for (auto& [path, content] : files) {
      auto entry = *two.ask_with(one, [&] { return two.store->find(two.view(), path); });
      auto bytes = two.ask_with(one, [&] { return read_file(two.store->chunks(), entry, 0, 1u << 20); });
      RC_ASSERT(to_text(bytes) == content);
    }
    auto entry = *two.ask_with(one, [&] { return two.store->find(two.view(), "/listed"); });
    auto bytes = two.ask_with(one, [&] { return read_file(two.store->chunks(), entry, 0, 1u << 20); });
    RC_ASSERT(bytes.size() == 30000u);
    for (auto& key : keys) { // all is as it was, and nothing is marked any more
      auto sealed = got(two.store->get_object(object_address::from(key)));
      RC_ASSERT(sealed == got(one.store->get_object(object_address::from(key))));
      RC_ASSERT(!got(two.store->chunks().is_damaged(object_address::from(key))));
    }
  }));
}

TEST_CASE("a disk that damages an object again and again is told, and the object is not fetched for ever") {
  replica one{1}, two{2};
  auto chunk = one.file("/x", as_bytes("0123456789")).chunks[0];
  auto sealed = *got(one.store->get_object(chunk.address));
  for (int times = 0; times < 100; ++times) {
    did(two.store->put_object(chunk.address, sealed));
    two.db.rot(family::chunks, chunk.address.view(), 700);
    auto read = two.store->get_object(chunk.address);
    if (read) continue;
    REQUIRE(times > 1);
    REQUIRE(read.why().code == error_code::io);
    return;
  }
  FAIL("fetched for ever");
}

TEST_CASE("damaged bytes are not served, and putting the same content again stores it again") {
  replica one{1};
  auto chunk = one.file("/x", as_bytes("0123456789")).chunks[0];
  one.db.rot(family::chunks, chunk.address.view(), 700);
  REQUIRE(!got(one.store->get_object(chunk.address)));
  REQUIRE(got(one.store->chunks().is_damaged(chunk.address)));
  one.put("/x", "0123456789", 1);
  REQUIRE(one.read("/x") == "0123456789");
}

TEST_CASE("a file of many chunks moves its list into objects of its own") {
  replica one{1};
  auto chunk = one.file("/x", as_bytes("0123456789")).chunks[0];
  tree_entry big;
  big.path = "/big";
  big.chunks.assign(5000, chunk);
  big.size = 50000;
  got(one.store->commit_changes({big}, "", at_ms(1), one.by));
  auto entry = *got(one.store->find(one.view(), "/big"));
  REQUIRE(entry.chunks.empty());
  REQUIRE(!entry.chunk_lists.empty());
  REQUIRE(entry.content == content_of(big.chunks));
  REQUIRE(got(chunks_of(one.store->chunks(), entry)) == big.chunks);
  REQUIRE(got(one.store->commit_changes({big}, "", at_ms(2), one.by)).entries == 0);
  REQUIRE(one.read("/big")->size() == 50000);
}

TEST_CASE("a crash at any write loses nothing that was acknowledged and leaves nothing half-written") {
  for (std::size_t failing = 0; failing < 14; ++failing)
    for (std::size_t kept : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
      replica one{1};
      std::map<std::string, std::string> acknowledged;
      one.db.fail_after_writes(failing);
      for (int i = 0; i < 6; ++i) {
        auto path = "/f" + std::to_string(i % 4), text = "text " + std::to_string(i);
        file_writer writer{one.store->chunks(), one.store->gear()};
        if (!writer.write(as_bytes(text))) break;
        auto entry = writer.finish();
        if (!entry) break;
        entry->path = path;
        auto made = one.store->commit_changes({*entry}, "", at_ms(i), one.by);
        if (!made) {
          REQUIRE(made.why().code == error_code::io);
          break;
        }
        acknowledged[path] = text;
      }
      one.crash(kept);
      check_whole(one);
      std::map<std::string, std::string> found;
      for (auto& each : contents(one)) found[each.path] = *one.read(each.path);
      REQUIRE(found == acknowledged);
      one.put("/after", "works", 99);
      REQUIRE(one.read("/after") == "works");
    }
}

TEST_CASE("what is to be written with a commit is there after a crash exactly when the commit is, and without changes, too") {
  replica one{1};
  one.put("/a", "1", 1);
  write_batch with;
  with.put(family::log, as_bytes("k"), as_bytes("v"));
  auto writes = one.db.writes();
  SECTION("with changes, the disk failing at any write") {
    auto more = GENERATE(range(0u, 4u));
    auto change = one.file("/b", as_bytes("2"));
    one.db.fail_after_writes(more);
    auto made = one.store->commit_changes({change}, "", at_ms(2), one.by, with);
    one.crash();
    CHECK(one.read("/b").has_value() == made.ok());
    CHECK(got(one.db.get(family::log, as_bytes("k"))).has_value() == made.ok());
  }
  SECTION("without changes") {
    REQUIRE(got(one.store->commit_changes({}, "", at_ms(2), one.by, with)).entries == 0);
    CHECK(one.db.writes() == writes + 1);
    one.crash();
    CHECK(got(one.db.get(family::log, as_bytes("k"))) == to_bytes(std::string_view{"v"}));
  }
}

TEST_CASE("a full disk fails the commit with exhausted, and the next one works when there is space") {
  replica one{1};
  one.put("/a", "1", 1);
  one.db.set_capacity(one.db.size_bytes() + 300);
  auto entry = one.file("/b", {});
  auto made = one.store->commit_changes({entry}, "", at_ms(2), one.by);
  REQUIRE(!made);
  REQUIRE(made.why().code == error_code::exhausted);
  REQUIRE(one.read("/a") == "1");
  one.db.heal();
  one.put("/b", "2", 3);
  check_whole(one);
  REQUIRE(one.read("/b") == "2");
}

TEST_CASE("two replicas that wrote apart agree after exchanging, the later edit wins and the earlier stays in the log") {
  replica one{1}, two{2};
  one.put("/shared", "base", 10);
  two.pull(one);
  one.put("/shared", "from one", 20);
  one.put("/only-one", "1", 21);
  two.put("/shared", "from two", 30);
  one.pull(two);
  two.pull(one);
  REQUIRE(one.view() == two.view());
  REQUIRE(one.read("/shared") == "from two");
  REQUIRE(two.read("/only-one") == "1");
  auto log = two.ask_with(one, [&] { return two.store->log("/shared"); });
  REQUIRE(log.size() == 3);
  REQUIRE(log[0].number == 3);
  REQUIRE(log[2].number == 1);
  REQUIRE(log[1].entry.stamp.device == one.by.device);
  auto older = got(two.store->resolve("/shared@2"));
  auto content = two.ask_with(one, [&] { return read_file(two.store->chunks(), *older.entry, 0, 100); });
  REQUIRE(to_text(content) == "from one");
}

TEST_CASE("an edit made with knowledge of another wins even by a slow clock") {
  replica one{1}, two{2};
  one.put("/a", "by a fast clock", 1000000);
  two.pull(one);
  two.put("/a", "by a slow clock", 5);
  one.pull(two);
  REQUIRE(one.read("/a") == "by a slow clock");
  REQUIRE(got(one.store->find(one.view(), "/a"))->revision == 2);
}

TEST_CASE("an edit of an entry dated at the end of all times is made and read") {
  replica one{1};
  one.put("/a", "late", to_unix_ms(identity::record_time_max));
  one.put("/a", "later", 20);
  one.reopen();
  REQUIRE(one.read("/a") == "later");
  check_whole(one);
}

TEST_CASE("any order of delivery gives the same view on every replica") {
  REQUIRE(rc::check("convergence", [](std::uint64_t seed) {
    seeded_random random{seed};
    std::vector<std::unique_ptr<replica>> all;
    for (std::uint8_t i = 1; i <= 3; ++i) all.push_back(std::make_unique<replica>(i));
    for (int i = 0; i < 14; ++i) {
      auto& who = *all[random.next_below(3)];
      auto path = "/p" + std::to_string(random.next_below(5));
      auto ms = static_cast<std::int64_t>(random.next_below(40));
      if (random.next_below(4) == 0)
        who.remove(path, ms);
      else
        who.put(path, std::to_string(random.next_below(1000)), ms);
      if (random.next_below(3) == 0) who.pull(*all[random.next_below(3)]);
    }
    replica late{4}; // hears everything in a random order, commit by commit
    std::vector<byte_string> commits;
    for (auto& each : all)
      for (auto& bytes : got(each->store->commits_beyond({}, 1u << 20))) commits.push_back(bytes);
    while (!commits.empty()) {
      auto at = static_cast<std::ptrdiff_t>(random.next_below(commits.size()));
      auto outcome = got(late.hear(commits[static_cast<std::size_t>(at)]));
      if (outcome.what != status::waits_for) commits.erase(commits.begin() + at);
    }
    for (auto& each : all) late.pull(*each);
    for (int round = 0; round < 2; ++round)
      for (auto& to : all)
        for (auto& from : all) to->pull(*from);
    for (auto& each : all) {
      RC_ASSERT(each->view() == late.view());
      RC_ASSERT(each->store->vector() == late.store->vector());
      RC_ASSERT(each->store->tips() == late.store->tips());
    }
  }));
}

TEST_CASE("commits from outside are checked before anything is stored") {
  replica one{1}, two{2};
  auto first = one.put("/a", "1", 1);
  auto second = one.put("/a", "2", 2);
  auto bytes = [&](const commit_id& id) { return got(one.store->get_commit(id))->bytes; };
  REQUIRE(two.store->apply_remote_commit(bytes(first.id), [](auto&) { return false; }).why().code == error_code::not_a_member);
  auto early = got(two.hear(bytes(second.id)));
  REQUIRE(early.what == status::waits_for);
  REQUIRE(early.absent_parents == std::vector<commit_id>{first.id});
  REQUIRE(got(two.hear(bytes(first.id))).what == status::applied);
  REQUIRE(got(two.hear(bytes(first.id))).what == status::already_known);
  auto lying = got(one.store->get_commit(second.id))->what;
  lying.vector[device(9).device] = 100;
  REQUIRE(two.hear(sign_commit(lying, one.by).bytes).why().code == error_code::tampered);
  auto foreign = lying;
  foreign.in.value.fill(1);
  REQUIRE(two.hear(sign_commit(foreign, one.by).bytes).why().code == error_code::malformed);
  auto unread = two.store->find(two.view(), "/a");
  REQUIRE(unread);
  REQUIRE(std::get<missing>(*unread).addresses == std::vector<object_address>{first.root});
  REQUIRE(got(two.store->missing_of_tips(false)).addresses == std::vector<object_address>{first.root});
  REQUIRE(two.store->put_object(first.root, byte_string(100, 1)).why().code == error_code::tampered);
}

TEST_CASE("a device that wrote twice under one sequence is reported and both writes are kept") {
  replica one{1}, copy{1}, two{2};
  one.put("/a", "original", 1);
  copy.put("/b", "of a copied database", 2);
  two.pull(one);
  auto forked = got(copy.store->get_commit(copy.store->tips()[0]));
  auto outcome = got(two.hear(forked->bytes));
  REQUIRE(outcome.what == status::applied);
  REQUIRE(outcome.forked_from == one.store->tips()[0]);
  two.pull(copy);
  REQUIRE(two.read("/a") == "original");
  REQUIRE(two.read("/b") == "of a copied database");
  REQUIRE(got(two.store->list_heads()).size() == 1);
}

TEST_CASE("versions are found by number, day and commit, and '@' in a name stays a name") {
  constexpr std::int64_t day = 86400000, d20 = 20777 * day; // 2026-11-20
  replica one{1};
  auto first = one.put("/docs/a", "v1", d20 + 1000);
  one.put("/docs/a", "v2", d20 + day + 1000);
  one.remove("/docs/a", d20 + 2 * day);
  one.put("/docs/a", "v4", d20 + 3 * day);
  one.put("/odd@3", "odd", d20 + 3 * day);
  auto read = [&](const std::string& typed) -> std::string {
    auto found = one.store->resolve(typed);
    if (!found) return std::string{to_string(found.why().code)};
    auto& resolved = std::get<resolved_path>(*found);
    return resolved.entry ? to_text(got(read_file(one.store->chunks(), *resolved.entry, 0, 100))) : "directory";
  };
  auto gone = std::string{to_string(error_code::not_found)};
  REQUIRE(read("/docs/a") == "v4");
  REQUIRE(read("/docs/a@1") == "v1");
  REQUIRE(read("/docs/a@2") == "v2");
  REQUIRE(read("/docs/a@3") == gone);
  REQUIRE(read("/docs/a@4") == "v4");
  REQUIRE(read("/docs/a@5") == gone);
  REQUIRE(read("/docs/a@2026-11-19") == gone);
  REQUIRE(read("/docs/a@2026-11-20") == "v1");
  REQUIRE(read("/docs/a@2026-11-21") == "v2");
  REQUIRE(read("/docs/a@2026-11-22") == gone);
  REQUIRE(read("/docs@2026-11-20") == "directory");
  REQUIRE(read("/@2026-11-20") == "directory");
  REQUIRE(read("/docs/a@" + to_string(first.id)) == "v1");
  REQUIRE(read("/docs/a@" + to_string(first.id).substr(0, 8)) == "v1");
  REQUIRE(read("/docs/a@aaaaaaaa") == gone);
  REQUIRE(read("/docs/a@short") == gone);
  REQUIRE(read("/odd@3") == "odd");
  REQUIRE(read("/odd@3@1") == "odd");
  REQUIRE(read("/docs/") == "directory");
  REQUIRE(got(one.store->log("/docs/a")).size() == 4);
}

TEST_CASE("commits are handed over in bounded answers, parents first") {
  replica one{1}, two{2};
  for (int i = 0; i < 30; ++i) one.put("/f", std::to_string(i), i);
  std::size_t rounds = 0;
  while (two.store->vector() != one.store->vector()) {
    REQUIRE(++rounds < 40);
    for (auto& each : got(one.store->commits_beyond(two.store->vector(), 2000)))
      REQUIRE(got(two.hear(each)).what == status::applied);
  }
  REQUIRE(rounds > 3);
  REQUIRE(got(two.store->list_missing_commits(one.store->tips())).empty());
}

TEST_CASE("more tips than a commit may have parents are merged by several commits") {
  replica one{250}, two{251};
  one.put("/mine", "1", 1);
  for (std::uint8_t i = 1; i <= 150; ++i)
    for (auto message : {"a", "b"}) { // twice under one sequence: two tips a device
      commit what;
      what.in = test_namespace;
      what.device = device(i).device;
      what.sequence = 1;
      what.vector[what.device] = 1;
      what.message = message;
      auto made = sign_commit(what, device(i));
      REQUIRE(got(one.hear(made.bytes)).what == status::applied);
      REQUIRE(got(two.hear(made.bytes)).what == status::applied);
    }
  REQUIRE(one.store->tips().size() == 301);
  auto first = one.put("/mine", "2", 2);
  REQUIRE(got(one.store->get_commit(first.id))->what.parents.size() == limits::commit_parents_max);
  one.put("/mine", "3", 3);
  REQUIRE(one.store->tips().size() == 1);
  REQUIRE(one.read("/mine") == "3");
  two.pull(one);
  REQUIRE(two.view() == one.view());
}

TEST_CASE("a database of another namespace is refused") {
  replica one{1};
  namespace_id other;
  other.value.fill(9);
  REQUIRE(object_store::open(one.db, other, secret_of(1)).why().code == error_code::replaced);
}
