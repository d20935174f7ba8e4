#include "runtime/host/files.hpp"

#include "tests/runtime/host/a_directory.hpp"

#include <catch2/catch.hpp>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace glow;
using namespace glow::host;
using testing::a_directory;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}
std::size_t entries_in(const std::string& path) {
  return static_cast<std::size_t>(
    std::distance(std::filesystem::directory_iterator{path}, std::filesystem::directory_iterator{}));
}

} // namespace

TEST_CASE("what was written atomically is read again, with its mode and no rest beside it") {
  a_directory here;
  REQUIRE(write_file_atomically(here.file("x"), as_bytes("one"), 0600));
  REQUIRE(write_file_atomically(here.file("x"), as_bytes("two"), 0640));
  CHECK(to_text(*read_file(here.file("x"), 100)) == "two");
  CHECK(mode_of(here.file("x")) == 0640);
  CHECK(entries_in(here.path()) == 1);
}

TEST_CASE("empty files and files of many blocks survive") {
  a_directory here;
  byte_string large(300'000, 0xab);
  for (auto& content : {byte_string{}, large}) {
    REQUIRE(write_file_atomically(here.file("x"), content, 0600));
    CHECK(*read_file(here.file("x"), 300'000) == content);
  }
}

TEST_CASE("a file beyond the bound is not read") {
  a_directory here;
  REQUIRE(write_file_atomically(here.file("x"), as_bytes("12345"), 0600));
  CHECK(read_file(here.file("x"), 5));
  CHECK(read_file(here.file("x"), 4).why().code == error_code::exhausted);
}

TEST_CASE("missing files, directories and pipes are errors, not hangs") {
  a_directory here;
  CHECK(read_file(here.file("none"), 10).why().code == error_code::not_found);
  CHECK(read_file(here.path(), 10).why().code == error_code::io);
  REQUIRE(::mkfifo(here.file("pipe").c_str(), 0600) == 0);
  CHECK(read_file(here.file("pipe"), 10).why().code == error_code::io);
}

TEST_CASE("a failed write leaves the old content and nothing else") {
  a_directory here;
  std::filesystem::create_directories(here.file("x/inside")); // a directory cannot be replaced by a file
  auto written = write_file_atomically(here.file("x"), as_bytes("new"), 0600);
  REQUIRE_FALSE(written);
  CHECK(written.why().message.find(here.file("x")) != std::string::npos);
  CHECK(entries_in(here.path()) == 1);
  CHECK(write_file_atomically(here.file("no/where"), as_bytes("x"), 0600).why().code == error_code::not_found);
}

TEST_CASE("a symbolic link is replaced and its target spared") {
  a_directory here;
  REQUIRE(write_file_atomically(here.file("target"), as_bytes("precious"), 0600));
  std::filesystem::create_symlink(here.file("target"), here.file("link"));
  REQUIRE(write_file_atomically(here.file("link"), as_bytes("new"), 0600));
  CHECK(to_text(*read_file(here.file("target"), 100)) == "precious");
  CHECK(to_text(*read_file(here.file("link"), 100)) == "new");
}

TEST_CASE("a full disk is told as exhausted, and the old content stands") {
  a_directory here;
  auto mounted = here.file("disk");
  std::filesystem::create_directory(mounted);
  if (::mount("tmpfs", mounted.c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("skipped: mounting a small disk needs root");
    return;
  }
  auto old = write_file_atomically(mounted + "/x", as_bytes("old"), 0600);
  auto full = write_file_atomically(mounted + "/x", byte_string(200'000), 0600);
  auto after = read_file(mounted + "/x", 10);
  auto entries = entries_in(mounted);
  REQUIRE(::umount2(mounted.c_str(), MNT_DETACH) == 0);
  CHECK(old);
  REQUIRE_FALSE(full);
  CHECK(full.why().code == error_code::exhausted);
  REQUIRE(after);
  CHECK(to_text(*after) == "old");
  CHECK(entries == 1);
}

TEST_CASE("a private directory is made with those above it, and made private again") {
  a_directory here;
  auto path = here.file("a/b/c");
  REQUIRE(make_private_directory(path));
  CHECK(mode_of(path) == 0700);
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  REQUIRE(make_private_directory(path));
  CHECK(mode_of(path) == 0700);
  REQUIRE(write_file_atomically(here.file("file"), {}, 0600));
  CHECK_FALSE(make_private_directory(here.file("file")));
  CHECK_FALSE(make_private_directory(here.file("file/below")));
}
