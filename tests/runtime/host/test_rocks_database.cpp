#include "runtime/host/rocks_database.hpp"

#include "tests/runtime/store/store_fixture.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>

using namespace store_fixture;
using host::rocks_database;

namespace {

struct temporary_directory {
  std::filesystem::path path;
  bool mounted = false;
  temporary_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "glow-rocks-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()));
    path = pattern;
  }
  ~temporary_directory() {
    if (mounted) umount2(path.c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string store() const { return (path / "store").string(); }
};

std::size_t resident_kib() {
  std::size_t total = 0, resident = 0;
  std::ifstream{"/proc/self/statm"} >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

} // namespace

TEST_CASE("records survive a reopening, family by family, in order") {
  temporary_directory at;
  {
    auto db = got(rocks_database::open(at.store()));
    write_batch batch;
    batch.put(family::chunks, as_bytes("k"), random_bytes(1, 20000)); // a blob
    batch.put(family::meta, as_bytes("a2"), as_bytes("2"));
    batch.put(family::meta, as_bytes("a1"), as_bytes("1"));
    batch.put(family::meta, as_bytes("b"), as_bytes("3"));
    batch.put(family::refs, as_bytes("x"), {});
    batch.remove(family::refs, as_bytes("x"));
    did(db->write(batch, durable::yes));
  }
  auto db = got(rocks_database::open(at.store()));
  REQUIRE(*got(db->get(family::chunks, as_bytes("k"))) == random_bytes(1, 20000));
  REQUIRE(!got(db->get(family::meta, as_bytes("k"))));
  REQUIRE(!got(db->contains(family::refs, as_bytes("x"))));
  std::string seen;
  auto visit = [&](byte_view key, byte_view value) {
    seen += to_text(key) + "=" + to_text(value) + " ";
    return true;
  };
  did(db->scan(family::meta, as_bytes("a"), {}, visit));
  REQUIRE(seen == "a1=1 a2=2 ");
  seen.clear();
  did(db->scan(family::meta, {}, as_bytes("a2"), visit));
  REQUIRE(seen == "a2=2 b=3 ");
  did(db->write({}, durable::yes));
}

TEST_CASE("a store that is open already says so") {
  temporary_directory at;
  auto db = got(rocks_database::open(at.store()));
  auto second = rocks_database::open(at.store());
  REQUIRE(!second);
  REQUIRE(second.why().code == error_code::replaced);
  REQUIRE(second.why().message.find(at.store()) != std::string::npos);
}

TEST_CASE("the object store finds everything again over a reopened database") {
  temporary_directory at;
  auto by = device(1);
  auto content = random_bytes(2, 2u << 20);
  object_address root;
  {
    auto db = got(rocks_database::open(at.store()));
    auto store = got(object_store::open(*db, test_namespace, secret_of(1)));
    file_writer writer{store->chunks(), store->gear()};
    did(writer.write(content));
    auto entry = got(writer.finish());
    entry.path = "/a";
    root = got(store->commit_changes({entry}, "", at_ms(1), by)).root;
  }
  auto db = got(rocks_database::open(at.store()));
  auto store = got(object_store::open(*db, test_namespace, secret_of(1)));
  REQUIRE(got(store->view()) == root);
  auto entry = got(store->find(root, "/a"));
  REQUIRE(got(read_file(store->chunks(), *entry, 0, content.size())) == content);
}

TEST_CASE("a full disk is said to be full, and writing works again once there is space") {
  temporary_directory at;
  if (geteuid() != 0 || mount("glow-test", at.path.c_str(), "tmpfs", 0, "size=48m") != 0) {
    WARN("SKIPPED: needs root to mount a small file system");
    return;
  }
  at.mounted = true;
  auto filler = at.path / "filler";
  std::ofstream{filler} << std::string(30u << 20, 'x');
  auto db = got(rocks_database::open(at.store()));
  did(db->put(family::meta, as_bytes("kept"), as_bytes("1"), durable::yes));
  std::optional<error> why;
  for (std::uint64_t i = 0; i < 64 && !why; ++i) {
    auto written = db->put(family::chunks, random_bytes(i, 32), random_bytes(i, 1u << 20), durable::yes);
    if (!written) why = written.why();
  }
  REQUIRE(why);
  INFO(why->message);
  REQUIRE(why->code == error_code::exhausted);
  REQUIRE(got(db->contains(family::meta, as_bytes("kept")))); // reading goes on
  std::filesystem::remove(filler);
  bool recovered = false;
  for (int tries = 0; tries < 100 && !recovered; ++tries) { // a flush in the background may still be failing
    recovered = db->put(family::meta, as_bytes("again"), as_bytes("1"), durable::yes).ok();
    if (!recovered) usleep(100000);
  }
  REQUIRE(recovered);
  db.reset();
  db = got(rocks_database::open(at.store()));
  REQUIRE(got(db->contains(family::meta, as_bytes("kept"))));
  REQUIRE(got(db->contains(family::meta, as_bytes("again"))));
}

TEST_CASE("an open, idle database stays small") {
  temporary_directory at;
  auto before = resident_kib();
  auto db = got(rocks_database::open(at.store()));
  did(db->put(family::refs, as_bytes("a"), as_bytes("1"), durable::yes));
  auto grown = resident_kib() - before;
  INFO(grown << " KiB");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  REQUIRE(grown < 12u << 10);
#endif
}

TEST_CASE("how fast files go in", "[.measure]") {
  temporary_directory at;
  auto db = got(rocks_database::open(at.store()));
  auto store = got(object_store::open(*db, test_namespace, secret_of(1)));
  auto by = device(1);
  auto measure = [&](std::string_view what, byte_view content) {
    auto start = std::chrono::steady_clock::now();
    auto processor = std::clock();
    file_writer writer{store->chunks(), store->gear()};
    for (std::size_t from = 0; from < content.size(); from += 1u << 20)
      did(writer.write(content.subspan(from, std::min<std::size_t>(1u << 20, content.size() - from))));
    auto entry = got(writer.finish());
    entry.path = "/" + std::string{what};
    got(store->commit_changes({entry}, "", at_ms(1), by));
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    auto mib = static_cast<double>(content.size()) / 1048576;
    WARN(what << ": " << mib / took.count() << " MiB/s, " << mib * CLOCKS_PER_SEC / static_cast<double>(std::clock() - processor)
              << " MiB per second of processor, RSS " << resident_kib() / 1024 << " MiB");
  };
  auto random = random_bytes(1, 256u << 20);
  measure("random", random);
  measure("random again", random);
  byte_string text;
  text.reserve(256u << 20);
  for (std::size_t i = 0; text.size() < 256u << 20; ++i)
    append(text, as_bytes("line " + std::to_string(i * 2654435761u) + " of a log file\n"));
  measure("text", text);
  std::vector<tree_entry> small;
  auto start = std::clock();
  for (std::uint32_t i = 0; i < 100000; ++i) {
    tree_entry each;
    each.path = "/many/" + std::to_string(i % 100) + "/file" + std::to_string(i);
    small.push_back(each);
  }
  got(store->commit_changes(small, "", at_ms(2), by));
  auto took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  WARN("commit of 100000 entries: " << took << " s of processor, RSS " << resident_kib() / 1024 << " MiB");
}
