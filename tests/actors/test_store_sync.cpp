#include "runtime/store/limits.hpp"
#include "runtime/stream/limits.hpp"
#include "tests/actors/store_mesh.hpp"

#include "actors/store/sync_messages.hpp"

#include <algorithm>

using namespace glow;
namespace fs = std::filesystem;

namespace {

std::string random_bytes(std::uint64_t seed, std::size_t size) {
  seeded_random random{seed};
  std::string out(size, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

std::string text_at(store_mesh& mesh, std::size_t node, const std::string& path) {
  auto bytes = mesh.ask<path_bytes>(node, read_path{path});
  return bytes.ok() ? to_text(bytes->bytes) : "error: " + bytes.why().message;
}

} // namespace

TEST_CASE("commits and trees reach every member, so that a listing works offline") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas", "vps"}};
  mesh.connect(0, 1);
  write_text(dir / "a", "1");
  REQUIRE(mesh.put(0, dir / "a", "/docs/a").ok());
  mesh.pass(1s);
  mesh.connect(1, 2); // vps hears of laptop's commit from nas
  mesh.pass(1s);
  mesh.disconnect(1, 2);
  mesh.disconnect(0, 1);
  REQUIRE(mesh.list(2, "/docs") == std::vector<std::string>{"a"});
  REQUIRE(mesh.list(1, "/", true) == std::vector<std::string>{"docs", "docs/a"});
}

TEST_CASE("copies counts this node only once it holds everything") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas"}};
  mesh.connect(0, 1);
  write_text(dir / "a", "1");
  REQUIRE(mesh.put(0, dir / "a", "/a").ok());
  mesh.pass(1s);
  REQUIRE(mesh.ask<path_list>(1, list_path{"/a"})->entries.at(0).copies == 1);
  REQUIRE(text_at(mesh, 1, "/a") == "1");
  REQUIRE(mesh.ask<path_list>(1, list_path{"/a"})->entries.at(0).copies == 2);
}

TEST_CASE("what the disk has damaged is fetched again from another node, for a listing, a read and a get") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas"}};
  mesh.connect(0, 1);
  write_text(dir / "a", "1");
  REQUIRE(mesh.put(0, dir / "a", "/docs/a").ok());
  mesh.pass(1s);
  auto damage_all = [&] {
    std::vector<byte_string> keys;
    auto& disk = *mesh.at(1).database;
    REQUIRE(disk.scan(store::family::chunks, {}, {}, [&](byte_view key, byte_view) {
      keys.push_back(to_bytes(key));
      return true;
    }));
    for (auto& each : keys) disk.rot(store::family::chunks, each, 900);
    mesh.stop(1);
    mesh.start(1); // no tree node is remembered
    mesh.connect(0, 1);
    mesh.pass(1s);
  };
  REQUIRE(text_at(mesh, 1, "/docs/a") == "1");
  damage_all();
  REQUIRE(mesh.list(1, "/", true) == std::vector<std::string>{"docs", "docs/a"});
  REQUIRE(text_at(mesh, 1, "/docs/a") == "1");
  damage_all();
  REQUIRE(mesh.get(1, "/docs/a", dir / "got").ok());
  REQUIRE(read_text(dir / "got") == "1");
}

TEST_CASE("with the holder away a get fails as unreachable within its deadline, in one line, and succeeds when it is back") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas"}};
  mesh.connect(0, 1);
  write_text(dir / "a", random_bytes(1, 2'000'000));
  REQUIRE(mesh.put(0, dir / "a", "/docs/a").ok());
  mesh.pass(1s);
  mesh.disconnect(0, 1);
  auto before = mesh.virtual_now();
  auto got = mesh.get(1, "/docs", dir / "out", 5s);
  auto took = mesh.virtual_now() - before;
  REQUIRE_FALSE(got.ok());
  INFO(got.why().message);
  REQUIRE(got.why().code == error_code::unreachable);
  REQUIRE(got.why().message.find("get /docs: ") == 0);
  REQUIRE(got.why().message.find("laptop, which is not reachable (no route)") != std::string::npos);
  REQUIRE(got.why().message.find('\n') == std::string::npos);
  REQUIRE(took <= 6s);
  REQUIRE_FALSE(fs::exists(dir / "out")); // no half tree
  mesh.connect(0, 1);
  REQUIRE(mesh.get(1, "/docs", dir / "out", 5s).ok());
  REQUIRE(read_text(dir / "out/a") == read_text(dir / "a"));
}

TEST_CASE("a get that waits for a holder goes on as soon as there is a route") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas"}};
  mesh.connect(0, 1);
  write_text(dir / "a", "text");
  REQUIRE(mesh.put(0, dir / "a", "/a").ok());
  mesh.pass(1s);
  mesh.disconnect(0, 1);
  caf::anon_send(mesh.at(1).store, get_path{"/a", dir / "out", 10s, nullptr});
  mesh.pass(3s);
  REQUIRE_FALSE(fs::exists(dir / "out"));
  mesh.connect(0, 1);
  mesh.pass(200ms);
  REQUIRE(read_text(dir / "out") == "text");
}

TEST_CASE("a peer that tampers is found out, and another one is asked") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "liar", "vps"}};
  mesh.connect(0, 1);
  mesh.connect(0, 2);
  mesh.connect(1, 2);
  write_text(dir / "a", random_bytes(2, 3'000'000));
  REQUIRE(mesh.put(1, dir / "a", "/a").ok());
  mesh.pass(1s);
  REQUIRE(mesh.get(0, "/a", dir / "first").ok()); // laptop holds it now, too
  std::size_t lies = 0;
  mesh.on_answer = [&](std::size_t from, std::size_t, request_method method, byte_string& body) {
    if (from != 1 || method != request_method::store_fetch) return;
    auto answer = decode_fetched(body);
    REQUIRE(answer.ok());
    for (auto& each : answer->objects) each[each.size() / 2] ^= 1;
    body = encode_fetched(*answer);
    ++lies;
  };
  auto got = mesh.get(2, "/a", dir / "out");
  INFO((got.ok() ? "" : got.why().message));
  REQUIRE(got.ok());
  REQUIRE(lies >= 1);                                   // told to hold it, asked first
  REQUIRE(lies <= limits::fetch_requests_per_peer_max); // what was under way when it was found out, and no more
  REQUIRE(read_text(dir / "out") == read_text(dir / "a"));
}

TEST_CASE("garbage for an answer is a lie like any other, and ends in an error when nobody else has the bytes") {
  scratch_directory dir;
  store_mesh mesh{{"liar", "vps"}};
  mesh.connect(0, 1);
  write_text(dir / "a", "text");
  REQUIRE(mesh.put(0, dir / "a", "/a").ok());
  mesh.pass(1s);
  mesh.on_answer = [&](std::size_t, std::size_t, request_method, byte_string& body) { body.assign(body.size(), 0xff); };
  auto got = mesh.get(1, "/a", dir / "out", 3s);
  REQUIRE(got.why().code == error_code::unreachable);
  REQUIRE_FALSE(fs::exists(dir / "out"));
}

TEST_CASE("concurrent puts on two nodes converge, and both edits of one path stay in the log") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas"}};
  write_text(dir / "a", "from laptop");
  write_text(dir / "b", "from nas");
  REQUIRE(mesh.put(0, dir / "a", "/only-laptop").ok());
  REQUIRE(mesh.put(0, dir / "a", "/both").ok());
  REQUIRE(mesh.put(1, dir / "b", "/only-nas").ok());
  REQUIRE(mesh.put(1, dir / "b", "/both").ok());
  mesh.connect(0, 1);
  mesh.pass(2s);
  auto all = std::vector<std::string>{"both", "only-laptop", "only-nas"};
  REQUIRE(mesh.list(0, "/") == all);
  REQUIRE(mesh.list(1, "/") == all);
  REQUIRE(text_at(mesh, 0, "/both") == text_at(mesh, 1, "/both"));
  REQUIRE(text_at(mesh, 0, "/only-nas") == "from nas");
  auto log = mesh.ask<path_log>(0, log_path{"/both"});
  REQUIRE(log->versions.size() == 2);
  // and they go on from there
  write_text(dir / "a", "later");
  REQUIRE(mesh.put(0, dir / "a", "/both").ok());
  mesh.pass(1s);
  REQUIRE(text_at(mesh, 1, "/both") == "later");
}

TEST_CASE("many commits made apart arrive in pages, and everybody falls silent afterwards") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas"}};
  for (int i = 0; i < 150; ++i) {
    write_text(dir / "a", std::to_string(i));
    REQUIRE(mesh.put(0, dir / "a", "/" + std::to_string(i % 10)).ok());
  }
  mesh.connect(0, 1);
  mesh.pass(5s);
  REQUIRE(mesh.list(1, "/").size() == 10);
  REQUIRE(text_at(mesh, 1, "/9") == "149");
  auto fetches = mesh.fetches;
  mesh.pass(60s);
  REQUIRE(mesh.fetches == fetches);
}

TEST_CASE("staged outputs are fetched from their holder and committed elsewhere, once") {
  scratch_directory dir;
  store_mesh mesh{{"coordinator", "worker"}};
  mesh.connect(0, 1);
  fs::create_directories(dir / "out/sub");
  write_text(dir / "out/a", random_bytes(5, 800'000));
  write_text(dir / "out/sub/b", "text");
  auto staged = mesh.ask<staged_outputs>(1, stage_outputs{dir / "out"});
  REQUIRE(staged.ok());
  REQUIRE(mesh.list(1, "/").empty());
  auto done = mesh.ask<put_done>(0, commit_outputs{staged->entries, mesh.id(1), "/jobs/1/0"});
  INFO((done.ok() ? "" : done.why().message));
  REQUIRE(done.ok());
  REQUIRE(done->files == 2);
  REQUIRE(mesh.list(0, "/jobs/1/0", true) == std::vector<std::string>{"a", "sub", "sub/b"});
  auto again = mesh.ask<put_done>(0, commit_outputs{staged->entries, mesh.id(1), "/jobs/1/0"});
  REQUIRE(again->commit == done->commit);
  mesh.disconnect(0, 1);
  REQUIRE(mesh.get(0, "/jobs/1/0", dir / "back").ok());
  REQUIRE(read_text(dir / "back/a") == read_text(dir / "out/a"));
  REQUIRE(mesh.ask<put_done>(0, commit_outputs{to_bytes("garbage!"), mesh.id(1), "/x"}).why().code == error_code::malformed);
  // fenced: only while the record stands as the asker knows it
  auto record = std::pair{to_bytes("epoch"), to_bytes("1")};
  auto fenced = [&](std::string path) {
    commit_outputs wanted{staged->entries, mesh.id(1), std::move(path), 60s, {{to_bytes("step"), to_bytes("done")}}, record};
    return mesh.ask<put_done>(0, std::move(wanted));
  };
  REQUIRE(fenced("/fenced").why().code == error_code::replaced);
  REQUIRE(mesh.ask<ledger_records>(0, read_ledger{to_bytes("step")})->records.empty());
  REQUIRE(mesh.ask<ledger_written>(0, write_ledger{{record}, {}}).ok());
  REQUIRE(fenced("/fenced").ok());
  REQUIRE(mesh.ask<ledger_records>(0, read_ledger{to_bytes("step")})->records.size() == 1);
}

TEST_CASE("outputs whose holder is gone fail as unreachable, naming it") {
  scratch_directory dir;
  store_mesh mesh{{"coordinator", "worker"}};
  mesh.connect(0, 1);
  write_text(dir / "o", "text");
  auto staged = mesh.ask<staged_outputs>(1, stage_outputs{dir / "o"});
  mesh.disconnect(0, 1);
  auto done = mesh.ask<put_done>(0, commit_outputs{staged->entries, mesh.id(1), "/x", 5s});
  REQUIRE(done.why().code == error_code::unreachable);
  REQUIRE(done.why().message.find("worker") != std::string::npos);
}

TEST_CASE("a snapshot names files and the commit that holds them") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d/sub");
  write_text(dir / "d/a", "1");
  write_text(dir / "d/sub/b", "2");
  auto put = mesh.put(0, dir / "d", "/d");
  auto snapshot = mesh.ask<path_snapshot>(0, snapshot_path{"/d"});
  REQUIRE(snapshot->commit == put->commit);
  REQUIRE(snapshot->files.size() == 2);
  REQUIRE(snapshot->files[1].name == "sub/b");
  write_text(dir / "d/a", "changed");
  REQUIRE(mesh.put(0, dir / "d", "/d").ok());
  REQUIRE(text_at(mesh, 0, "/d/a@" + snapshot->commit) == "1");
}

TEST_CASE("strangers and malformed requests are refused, and objects are served within the budget") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  write_text(dir / "a", random_bytes(9, 6'000'000));
  REQUIRE(mesh.put(0, dir / "a", "/a").ok());
  node_id stranger;
  stranger.value[0] = 9;
  auto refused = mesh.ask<response>(0, incoming_request{stranger, request_method::store_heads, encode_heads({})});
  REQUIRE(refused.why().code == error_code::not_a_member);
  for (auto method : {request_method::store_heads, request_method::store_fetch}) {
    REQUIRE(mesh.ask<response>(0, incoming_request{mesh.id(0), method, to_bytes("junk")}).why().code == error_code::malformed);
    REQUIRE(mesh.ask<response>(0, incoming_request{mesh.id(0), method, byte_string(4096, 0xff)}).why().code
            == error_code::malformed);
  }
  std::vector<store::object_address> addresses;
  REQUIRE(mesh.at(0)
            .database
            ->scan(store::family::chunks, {}, {},
                   [&](byte_view key, byte_view) {
                     if (key.size() == 32) addresses.push_back(store::object_address::from(key));
                     return addresses.size() < 100;
                   })
            .ok());
  REQUIRE(addresses.size() > 5);
  auto absent = addresses[0];
  absent.value[5] ^= 1;
  addresses.insert(addresses.begin(), absent);
  auto answer = mesh.ask<response>(0, incoming_request{mesh.id(0), request_method::store_fetch, encode_fetch(addresses)});
  REQUIRE(answer.ok());
  REQUIRE(answer->body.size() < limits::message_bytes_max);
  auto fetched = decode_fetched(answer->body);
  REQUIRE(fetched->absent == std::vector{absent});
  REQUIRE(fetched->objects.size() < addresses.size() - 1); // what is over the budget is asked for again
  for (auto& each : fetched->objects)
    REQUIRE(std::find(addresses.begin(), addresses.end(), store::address_of(each)) != addresses.end());
}

TEST_CASE("the content of a file is asked of the device that wrote it, however many are nearer") {
  scratch_directory dir;
  store_mesh mesh{{"reader", "one", "two", "three", "writer"}};
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t k = 0; k < i; ++k) mesh.connect(i, k);
  write_text(dir / "a", random_bytes(3, 5'000));
  REQUIRE(mesh.put(4, dir / "a", "/a").ok());
  mesh.pass(2s);
  std::vector<std::size_t> asked;
  mesh.on_answer = [&](std::size_t from, std::size_t, request_method method, byte_string&) {
    if (method == request_method::store_fetch) asked.push_back(from);
  };
  REQUIRE(mesh.ask<path_bytes>(0, read_path{"/a", 0, 10'000, 10s})->bytes.size() == 5'000);
  CHECK(asked == std::vector<std::size_t>{4});
}

TEST_CASE("stores in step say only what is new, and one that forgot is told the whole") {
  scratch_directory dir;
  store_mesh mesh{{"laptop", "nas", "vps"}};
  for (std::size_t i = 0; i < 3; ++i) {
    mesh.connect(i, (i + 1) % 3);
    write_text(dir / "a", "of " + std::to_string(i));
    REQUIRE(mesh.put(i, dir / "a", "/a" + std::to_string(i)).ok());
  }
  mesh.pass(5s);
  std::size_t most = 0, wholes = 0;
  mesh.on_answer = [&](std::size_t, std::size_t, request_method method, byte_string& body) {
    if (method != request_method::store_heads) return;
    auto heads = decode_heads(body);
    REQUIRE(heads.ok());
    most = std::max(most, heads->vector.size());
    wholes += heads->whole ? 1 : 0;
  };
  REQUIRE(mesh.put(0, dir / "a", "/more").ok());
  mesh.pass(5s);
  CHECK(text_at(mesh, 2, "/more") == "of 2");
  CHECK(most < 3); // of three devices; one answer may repeat the word that it crossed
  CHECK(wholes == 0);
  mesh.stop(1);
  mesh.start(1);
  mesh.pass(5s);
  CHECK(wholes > 0);
  REQUIRE(mesh.put(0, dir / "a", "/last").ok());
  mesh.pass(5s);
  CHECK(text_at(mesh, 1, "/last") == "of 2");
}
