#include "tests/actors/store_mesh.hpp"

#include "runtime/host/tree_files.hpp"

#include <fcntl.h>
#include <map>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace glow;
namespace fs = std::filesystem;

namespace {

/// Everything about a tree on disk that a get must bring back.
std::map<std::string, std::string> picture(const std::string& root) {
  std::map<std::string, std::string> out;
  host::tree_walk walk{root};
  while (auto each = walk.next()) {
    auto& facts = each->facts;
    auto text = std::string{to_string(facts.kind)} + " " + facts.target;
    if (facts.kind != host::file_kind::symlink)
      text += " " + std::to_string(facts.mode) + " " + std::to_string(facts.modified_ns);
    if (facts.kind == host::file_kind::file) text += " " + read_text(walk.path_of(each->relative));
    out[each->relative] = text;
  }
  return out;
}

std::string random_bytes(random_source& random, std::size_t size) {
  std::string out(size, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out;
}

std::string random_name(random_source& random) {
  static const std::string letters = std::string("abcXYZ .-_\n\t\xff\xfe\x80*?'\"\\@");
  std::string out;
  for (auto n = 1 + random.next_below(12); n > 0; --n) out += letters[random.next_below(letters.size())];
  return out == "." || out == ".." ? "dots" : out;
}

/// Empty and big files, symlinks, weird names, nested empty directories, odd modes and times.
void make_random_tree(const std::string& root, random_source& random, int depth = 0) {
  fs::create_directory(root);
  for (auto n = random.next_below(7); n > 0; --n) {
    auto path = root + "/" + random_name(random);
    std::error_code ignored;
    if (fs::symlink_status(path, ignored).type() != fs::file_type::not_found) continue;
    switch (random.next_below(5)) {
    case 0:
      if (depth < 4) make_random_tree(path, random, depth + 1);
      break;
    case 1: fs::create_symlink(random_name(random), path); break;
    case 2: write_text(path, ""); break;
    case 3: write_text(path, random_bytes(random, random.next_below(3000))); break;
    default: write_text(path, random_bytes(random, random.next_below(600'000)) + std::string(random.next_below(200'000), '\0'));
    }
    if (fs::symlink_status(path, ignored).type() != fs::file_type::regular) continue;
    ::chmod(path.c_str(), static_cast<mode_t>(0400 + random.next_below(0400)));
    timespec times[2] = {{0, UTIME_OMIT}, {static_cast<time_t>(random.next_below(2'000'000'000)), 123456789}};
    ::utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
}

} // namespace

TEST_CASE("a random tree put on one node is got byte-identical on another") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    seeded_random random{seed};
    scratch_directory dir;
    make_random_tree(dir / "in", random);
    store_mesh mesh{{"laptop", "nas"}};
    mesh.connect(0, 1);
    auto put = mesh.put(0, dir / "in", "/docs");
    INFO((put.ok() ? "" : put.why().message));
    REQUIRE(put.ok());
    auto got = mesh.get(1, "/docs", dir / "out");
    INFO((got.ok() ? "" : got.why().message));
    REQUIRE(got.ok());
    REQUIRE(got->files == put->files);
    REQUIRE(got->bytes == put->bytes);
    REQUIRE(picture(dir / "out") == picture(dir / "in"));
  }
}

TEST_CASE("a put is listed, read in slices and logged; older versions stay") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  write_text(dir / "a.txt", "first");
  REQUIRE(mesh.put(0, dir / "a.txt", "/docs/").ok());
  write_text(dir / "a.txt", "second, longer");
  auto second = mesh.put(0, dir / "a.txt", "/docs/a.txt");
  REQUIRE(second.ok());
  REQUIRE(second->path == "/docs/a.txt");
  REQUIRE(mesh.list(0, "/") == std::vector<std::string>{"docs"});
  REQUIRE(mesh.list(0, "/docs") == std::vector<std::string>{"a.txt"});
  auto listed = mesh.ask<path_list>(0, list_path{"/docs/a.txt"});
  REQUIRE(listed->entries.at(0).version == 2);
  REQUIRE(listed->entries.at(0).size == 14);
  REQUIRE(listed->entries.at(0).copies == 1);
  auto slice = mesh.ask<path_bytes>(0, read_path{"/docs/a.txt", 8, 3});
  REQUIRE(to_text(slice->bytes) == "lon");
  REQUIRE_FALSE(slice->end);
  REQUIRE(to_text(mesh.ask<path_bytes>(0, read_path{"/docs/a.txt@1"})->bytes) == "first");
  auto log = mesh.ask<path_log>(0, log_path{"/docs/a.txt"});
  REQUIRE(log->versions.size() == 2);
  REQUIRE(log->versions[0].version == 2);
  REQUIRE(log->versions[0].device == "laptop");
  REQUIRE(log->versions[0].commit == second->commit);
  REQUIRE(log->versions[1].change == "added");
  REQUIRE(mesh.get(0, "/docs/a.txt@1", dir / "old").ok());
  REQUIRE(read_text(dir / "old") == "first");
}

TEST_CASE("removing keeps versions, and a restore brings them back") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d/sub");
  write_text(dir / "d/sub/f", "text");
  REQUIRE(mesh.put(0, dir / "d", "/d").ok());
  REQUIRE(mesh.ask<path_removed>(0, remove_path{"/d", false}).why().code == error_code::usage);
  REQUIRE(mesh.ask<path_removed>(0, remove_path{"/nothing", true}).why().code == error_code::not_found);
  REQUIRE(mesh.ask<path_removed>(0, remove_path{"/d", true})->entries == 3);
  REQUIRE(mesh.get(0, "/d/sub/f", dir / "x").why().code == error_code::not_found);
  REQUIRE(mesh.ask<put_done>(0, copy_path{"/d/sub/f@1", "/d/sub/f"}).ok());
  REQUIRE(to_text(mesh.ask<path_bytes>(0, read_path{"/d/sub/f"})->bytes) == "text");
  auto log = mesh.ask<path_log>(0, log_path{"/d/sub/f"});
  REQUIRE(log->versions.size() == 3);
  REQUIRE(log->versions[1].change == "removed");
}

TEST_CASE("move and copy keep contents, go into directories, and refuse to eat themselves") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d/sub");
  write_text(dir / "d/f", "1");
  REQUIRE(mesh.put(0, dir / "d", "/a").ok());
  REQUIRE(mesh.ask<put_done>(0, copy_path{"/a", "/b"}).ok());
  REQUIRE(mesh.list(0, "/b") == std::vector<std::string>{"f", "sub"});
  REQUIRE(mesh.ask<put_done>(0, copy_path{"/a", "/b", true})->path == "/b/a");
  REQUIRE(mesh.list(0, "/") == std::vector<std::string>{"b"});
  REQUIRE(mesh.list(0, "/b", true) == std::vector<std::string>{"a", "a/f", "a/sub", "f", "sub"});
  REQUIRE(mesh.ask<put_done>(0, copy_path{"/b", "/b/a/sub"}).why().code == error_code::usage);
  REQUIRE(mesh.ask<put_done>(0, copy_path{"/b/f", "/b/a/f"}).ok());
  REQUIRE(mesh.ask<put_done>(0, copy_path{"/b/nothing", "/c"}).why().code == error_code::not_found);
}

TEST_CASE("putting a directory again makes its path mirror it") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d");
  write_text(dir / "d/gone", "1");
  write_text(dir / "d/kept", "2");
  REQUIRE(mesh.put(0, dir / "d", "/d").ok());
  fs::remove(dir / "d/gone");
  write_text(dir / "d/new", "3");
  REQUIRE(mesh.put(0, dir / "d", "/d").ok());
  REQUIRE(mesh.list(0, "/d") == std::vector<std::string>{"kept", "new"});
  auto first = mesh.put(0, dir / "d", "/d");
  auto second = mesh.put(0, dir / "d", "/d");
  REQUIRE(first->commit == second->commit); // nothing changed: no commit
}

TEST_CASE("a file cannot take the place of a directory, nor the reverse, and nothing changes") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d/x");
  write_text(dir / "d/x/f", "1");
  write_text(dir / "x", "file");
  REQUIRE(mesh.put(0, dir / "d", "/d").ok());
  REQUIRE(mesh.put(0, dir / "x", "/d").why().code == error_code::usage); // would be /d/x, a directory
  REQUIRE(mesh.put(0, dir / "x", "/f").ok());
  REQUIRE(mesh.put(0, dir / "d", "/f").why().code == error_code::usage);
  REQUIRE(mesh.put(0, dir / "x", "/f/below").why().code == error_code::usage);
  REQUIRE(mesh.put(0, dir / "missing", "/m").why().code == error_code::not_found);
  REQUIRE(mesh.put(0, dir / "x", "/a/../b").why().code == error_code::usage);
  REQUIRE(mesh.list(0, "/", true) == std::vector<std::string>{"d", "d/x", "d/x/f", "f"});
}

TEST_CASE("sockets, fifos and devices are reported, not failed") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d");
  ::mkfifo((dir / "d/pipe\n").c_str(), 0600);
  write_text(dir / "d/f", "1");
  auto put = mesh.put(0, dir / "d", "/d");
  REQUIRE(put.ok());
  REQUIRE(put->skipped.size() == 1);
  REQUIRE(put->skipped[0].find("pipe\\x0a") != std::string::npos);
  REQUIRE(mesh.list(0, "/d") == std::vector<std::string>{"f"});
}

TEST_CASE("an unreadable file fails the whole put and leaves no trace, or is skipped on demand and not taken for gone") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d");
  write_text(dir / "d/a", "1");
  write_text(dir / "d/secret", "old");
  REQUIRE(mesh.put(0, dir / "d", "/d").ok());
  auto held = mesh.at(0).database->size_bytes();
  write_text(dir / "d/a", std::string(100'000, 'x'));
  ::chmod((dir / "d/secret").c_str(), 0);
  ::chmod(dir.path.c_str(), 0755);
  ::setfsuid(65534); // this thread, which runs the actors, is nobody to the file system now: root reads everything
  auto readable = ::access((dir / "d/secret").c_str(), R_OK) == 0 && ::open((dir / "d/secret").c_str(), O_RDONLY) >= 0;
  auto put = mesh.put(0, dir / "d", "/d");
  auto skipping = mesh.put(0, dir / "d", "/d", true);
  ::setfsuid(::geteuid());
  if (readable) {
    WARN("skipped: this system lets nobody read a file of mode 0");
    return;
  }
  REQUIRE_FALSE(put.ok());
  REQUIRE(put.why().message.find("secret") != std::string::npos);
  REQUIRE(put.why().message.find("Permission denied") != std::string::npos);
  REQUIRE(skipping.ok());
  REQUIRE(skipping->skipped.size() == 1);
  REQUIRE(to_text(mesh.ask<path_bytes>(0, read_path{"/d/secret"})->bytes) == "old");
  REQUIRE(held > 0);
}

TEST_CASE("a full disk is one clear error, nothing is lost, and the store goes on when there is space") {
  scratch_directory dir;
  seeded_random random{3};
  store_mesh mesh{{"laptop"}};
  write_text(dir / "small", "kept");
  write_text(dir / "big", random_bytes(random, 3'000'000));
  REQUIRE(mesh.put(0, dir / "small", "/small").ok());
  auto held = mesh.at(0).database->size_bytes();
  mesh.at(0).database->set_capacity(held + 1'000'000);
  auto put = mesh.put(0, dir / "big", "/big");
  REQUIRE_FALSE(put.ok());
  REQUIRE(put.why().code == error_code::exhausted);
  REQUIRE(put.why().message.find('\n') == std::string::npos);
  REQUIRE(mesh.at(0).database->size_bytes() == held); // what it had stored was taken back
  REQUIRE(mesh.list(0, "/") == std::vector<std::string>{"small"});
  REQUIRE(to_text(mesh.ask<path_bytes>(0, read_path{"/small"})->bytes) == "kept");
  mesh.at(0).database->heal();
  REQUIRE(mesh.put(0, dir / "big", "/big").ok());
  REQUIRE(mesh.get(0, "/big", dir / "out").ok());
  REQUIRE(read_text(dir / "out") == read_text(dir / "big"));
}

TEST_CASE("a crash loses nothing that was acknowledged, and shows nothing half") {
  scratch_directory dir;
  seeded_random random{4};
  for (std::size_t keep : {0u, 1u, 2u, 5u}) {
    store_mesh mesh{{"laptop"}};
    fs::remove_all(dir / "d");
    fs::create_directories(dir / "d");
    for (int i = 0; i < 5; ++i) write_text(dir / ("d/f" + std::to_string(i)), random_bytes(random, 700'000));
    REQUIRE(mesh.put(0, dir / "d", "/d").ok());
    write_text(dir / "more", random_bytes(random, 6'000'000));
    // the next put is under way when the machine loses power
    caf::anon_send(mesh.at(0).store, put_path{dir / "more", "/more", false, nullptr});
    mesh.at(0).database->fail_after_writes(1);
    mesh.settle();
    mesh.stop(0);
    mesh.at(0).database->crash(keep);
    mesh.at(0).database->heal();
    mesh.start(0);
    REQUIRE(mesh.list(0, "/") == std::vector<std::string>{"d"});
    fs::remove_all(dir / "out");
    REQUIRE(mesh.get(0, "/d", dir / "out").ok());
    REQUIRE(picture(dir / "out") == picture(dir / "d"));
    REQUIRE(mesh.put(0, dir / "more", "/more").ok());
  }
}

TEST_CASE("a large sparse file goes through in slices and comes back sparse") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  auto path = dir / "sparse";
  write_text(path, "head");
  REQUIRE(::truncate(path.c_str(), 64 << 20) == 0);
  REQUIRE(mesh.put(0, path, "/sparse")->bytes == 64u << 20);
  REQUIRE(mesh.at(0).database->size_bytes() < 4u << 20);
  REQUIRE(mesh.get(0, "/sparse", dir / "out").ok());
  struct stat facts {};
  REQUIRE(::stat((dir / "out").c_str(), &facts) == 0);
  REQUIRE(facts.st_size == 64 << 20);
  REQUIRE(facts.st_blocks * 512 < 1 << 20);
  REQUIRE(read_text(dir / "out").substr(0, 5) == std::string("head\0", 5));
}

TEST_CASE("get goes into an existing directory, becomes a new one, and refuses a missing one") {
  scratch_directory dir;
  store_mesh mesh{{"laptop"}};
  fs::create_directories(dir / "d");
  write_text(dir / "d/f", "1");
  REQUIRE(mesh.put(0, dir / "d", "/docs").ok());
  fs::create_directories(dir / "existing");
  REQUIRE(mesh.get(0, "/docs", dir / "existing").ok());
  REQUIRE(read_text(dir / "existing/docs/f") == "1");
  REQUIRE(mesh.get(0, "/docs/f", dir / "existing").ok());
  REQUIRE(read_text(dir / "existing/f") == "1");
  REQUIRE(mesh.get(0, "/", dir / "all").ok());
  REQUIRE(read_text(dir / "all/docs/f") == "1");
  REQUIRE(mesh.get(0, "/docs", dir / "no/such").why().code == error_code::not_found);
  REQUIRE(mesh.get(0, "/nothing", dir / "x").why().code == error_code::not_found);
}

TEST_CASE("bytes from stdin become a file when the upload closes, and nothing when it is given up") {
  store_mesh mesh{{"laptop"}};
  auto opened = mesh.ask<upload_opened>(0, open_upload{"/in/stdin.txt"});
  REQUIRE(opened.ok());
  REQUIRE(mesh.ask<upload_written>(0, write_upload{opened->upload, to_bytes("one ")}).ok());
  REQUIRE(mesh.ask<upload_written>(0, write_upload{opened->upload, to_bytes("two")}).ok());
  REQUIRE(mesh.list(0, "/").empty());
  REQUIRE(mesh.ask<put_done>(0, close_upload{opened->upload})->bytes == 7);
  REQUIRE(to_text(mesh.ask<path_bytes>(0, read_path{"/in/stdin.txt"})->bytes) == "one two");
  auto given_up = mesh.ask<upload_opened>(0, open_upload{"/in/other"});
  REQUIRE(mesh.ask<upload_written>(0, write_upload{given_up->upload, to_bytes("x")}).ok());
  REQUIRE(mesh.ask<put_done>(0, close_upload{given_up->upload, false}).ok());
  REQUIRE(mesh.list(0, "/in") == std::vector<std::string>{"stdin.txt"});
  REQUIRE(mesh.ask<upload_written>(0, write_upload{opened->upload, to_bytes("x")}).why().code == error_code::not_found);
  REQUIRE(mesh.ask<upload_opened>(0, open_upload{"/in/"}).why().code == error_code::usage);
}

TEST_CASE("ledger records are durable and read back by prefix") {
  store_mesh mesh{{"laptop"}};
  write_ledger first;
  first.put = {{to_bytes("job/1"), to_bytes("a")}, {to_bytes("job/2"), to_bytes("b")}, {to_bytes("other"), to_bytes("c")}};
  REQUIRE(mesh.ask<ledger_written>(0, first).ok());
  write_ledger second;
  second.remove = {to_bytes("job/1")};
  REQUIRE(mesh.ask<ledger_written>(0, second).ok());
  mesh.stop(0);
  mesh.at(0).database->crash();
  mesh.start(0);
  auto records = mesh.ask<ledger_records>(0, read_ledger{to_bytes("job/")});
  REQUIRE(records->records.size() == 1);
  REQUIRE(to_text(records->records[0].second) == "b");
}
