#include "runtime/host/tree_files.hpp"
#include "runtime/host/tree_writer.hpp"

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace glow;
using namespace glow::host;
namespace fs = std::filesystem;

namespace {

struct scratch {
  fs::path path;
  scratch() {
    char name[] = "/tmp/glow-tree-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~scratch() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return path.string() + "/" + name; }
};

void write_text(const std::string& path, const std::string& text) { std::ofstream{path, std::ios::binary} << text; }
std::string read_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}
std::vector<std::string> names_under(const std::string& root) {
  std::vector<std::string> out;
  tree_walk walk{root};
  while (auto each = walk.next()) out.push_back(std::string{to_string(each->facts.kind)} + " " + each->relative);
  return out;
}

} // namespace

TEST_CASE("a walk tells every entry in byte order and follows no symlink") {
  scratch dir;
  fs::create_directories(dir / "b/empty");
  write_text(dir / "b/z.txt", "z");
  write_text(dir / "a\nnew", "1");
  write_text(dir / "\xff\xfe", "2");
  fs::create_directory_symlink("b", dir / "link");
  ::mkfifo((dir / "pipe").c_str(), 0600);
  REQUIRE(names_under(dir.path.string())
          == std::vector<std::string>{"directory ", "file a\nnew", "directory b", "directory b/empty", "file b/z.txt",
                                      "symlink link", "other pipe", "file \xff\xfe"});
}

TEST_CASE("a walk of a missing root tells the trouble once") {
  tree_walk walk{"/nonexistent/glow"};
  auto first = walk.next();
  REQUIRE(first);
  REQUIRE(first->trouble->code == error_code::not_found);
  REQUIRE_FALSE(walk.next());
}

TEST_CASE("facts carry mode, time and the target of a symlink") {
  scratch dir;
  write_text(dir / "f", "12345");
  ::chmod((dir / "f").c_str(), 0640);
  timespec times[2] = {{0, UTIME_OMIT}, {1234567890, 5}};
  ::utimensat(AT_FDCWD, (dir / "f").c_str(), times, 0);
  fs::create_symlink("some/where", dir / "s");
  auto file = look_at(dir / "f");
  REQUIRE(file.ok());
  REQUIRE(file->size == 5);
  REQUIRE(file->mode == 0640);
  REQUIRE(file->modified_ns == 1234567890'000000005);
  REQUIRE(look_at(dir / "s")->target == "some/where");
}

TEST_CASE("a fifo in the place of a file is refused instead of waited for") {
  scratch dir;
  ::mkfifo((dir / "pipe").c_str(), 0600);
  REQUIRE_FALSE(source_file::open(dir / "pipe").ok());
}

TEST_CASE("holes are told apart from data") {
  scratch dir;
  auto path = dir / "sparse";
  write_text(path, "");
  REQUIRE(::truncate(path.c_str(), 8 << 20) == 0);
  {
    std::fstream out{path, std::ios::in | std::ios::out | std::ios::binary};
    out.seekp(4 << 20);
    out << "data";
  }
  auto file = source_file::open(path);
  REQUIRE(file.ok());
  REQUIRE(file->hole_end(0) <= (4u << 20));
  REQUIRE(file->hole_end(4u << 20) == (4u << 20));
  byte_string bytes(8);
  REQUIRE(*file->read_at(4u << 20, bytes) == 8);
  REQUIRE(to_text(bytes).substr(0, 4) == "data");
  REQUIRE(*file->read_at((8u << 20) - 3, bytes) == 3);
}

TEST_CASE("messages show names on one line whatever bytes they hold") {
  REQUIRE(printable("a\nb\xff/\xc3\xa9\x7f") == "a\\x0ab\\xff/\xc3\xa9\\x7f");
  REQUIRE(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");
}

TEST_CASE("files appear under their names only when published, with mode and time") {
  scratch dir;
  seeded_random random{1};
  auto writer = tree_writer::open(dir.path.string());
  REQUIRE(writer.ok());
  REQUIRE(writer->begin("sub/file", random).ok());
  REQUIRE(writer->write_at(3, as_bytes("abc")).ok());
  REQUIRE(writer->end(10, 0604, 1000000001).ok());
  REQUIRE_FALSE(fs::exists(dir / "sub/file"));
  REQUIRE(writer->publish().ok());
  REQUIRE(read_text(dir / "sub/file") == std::string("\0\0\0abc\0\0\0\0", 10));
  auto facts = look_at(dir / "sub/file");
  REQUIRE(facts->mode == 0604);
  REQUIRE(facts->modified_ns == 1000000001);
  REQUIRE(names_under(dir.path.string()).size() == 3);
}

TEST_CASE("an abandoned writer leaves no temporary file") {
  scratch dir;
  seeded_random random{1};
  {
    auto writer = tree_writer::open(dir.path.string());
    REQUIRE(writer->begin("a", random).ok());
    REQUIRE(writer->end(5, 0600, 0).ok());
    REQUIRE(writer->begin("b", random).ok());
    REQUIRE(names_under(dir.path.string()).size() == 3);
  }
  REQUIRE(names_under(dir.path.string()).size() == 1);
}

TEST_CASE("no name leaves the directory") {
  scratch dir;
  seeded_random random{1};
  fs::create_directories(dir / "in");
  fs::create_directories(dir / "out");
  fs::create_directory_symlink(dir / "out", dir / "in/door");
  auto writer = tree_writer::open(dir / "in");
  for (std::string name : {"../x", "/x", "a/../../x", "", ".", "a//b", "a/.", "door/x"}) {
    INFO(name);
    REQUIRE_FALSE(writer->begin(name, random).ok());
  }
  REQUIRE_FALSE(writer->make_directory("door/y").ok());
  REQUIRE_FALSE(writer->make_symlink("door/z", "t", 0, random).ok());
  REQUIRE(fs::is_empty(dir / "out"));
}

TEST_CASE("a directory in the place of a file is an error, a file or symlink is replaced") {
  scratch dir;
  seeded_random random{1};
  fs::create_directories(dir / "d");
  write_text(dir / "f", "old");
  auto writer = tree_writer::open(dir.path.string());
  REQUIRE(writer->make_symlink("f", "t", 0, random).ok());
  REQUIRE(look_at(dir / "f")->target == "t");
  REQUIRE_FALSE(writer->make_symlink("d", "t", 0, random).ok());
  REQUIRE(writer->begin("d", random).ok());
  REQUIRE(writer->end(0, 0600, 0).ok());
  REQUIRE_FALSE(writer->publish().ok());
}

TEST_CASE("set-id bits are not handed out") {
  scratch dir;
  seeded_random random{1};
  auto writer = tree_writer::open(dir.path.string());
  REQUIRE(writer->begin("tool", random).ok());
  REQUIRE(writer->end(0, 06755, 0).ok());
  REQUIRE(writer->publish().ok());
  REQUIRE(look_at(dir / "tool")->mode == 0755);
  REQUIRE(writer->make_directory("sub").ok());
  REQUIRE(writer->set_directory_facts("sub", 0500, 77).ok());
  REQUIRE(look_at(dir / "sub")->mode == 0500);
  REQUIRE(look_at(dir / "sub")->modified_ns == 77);
}
