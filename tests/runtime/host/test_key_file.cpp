#include "runtime/host/key_file.hpp"

#include "runtime/host/files.hpp"
#include "tests/runtime/host/a_directory.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace glow;
using namespace glow::host;
using testing::a_directory;

TEST_CASE("keys are made once, kept in a private file, and the same ever after") {
  a_directory here;
  seeded_random random{1};
  auto made = load_or_create_node_keys(here.file("node.key"), random);
  REQUIRE(made);
  struct stat status {};
  REQUIRE(::stat(here.file("node.key").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  auto again = load_or_create_node_keys(here.file("node.key"), random);
  REQUIRE(again);
  CHECK(again->id() == made->id());
}

TEST_CASE("a key file that others can read or write is refused, and the message says how to mend it") {
  a_directory here;
  seeded_random random{1};
  REQUIRE(load_or_create_node_keys(here.file("node.key"), random));
  for (mode_t mode : {0640, 0604, 0620, 0602, 0644}) {
    REQUIRE(::chmod(here.file("node.key").c_str(), mode) == 0);
    auto refused = load_or_create_node_keys(here.file("node.key"), random);
    REQUIRE_FALSE(refused);
    CHECK(refused.why().code == error_code::failed);
    CHECK(refused.why().message.find("chmod 600 " + here.file("node.key")) != std::string::npos);
  }
  REQUIRE(::chmod(here.file("node.key").c_str(), 0600) == 0);
  CHECK(load_or_create_node_keys(here.file("node.key"), random));
}

TEST_CASE("a key file of a wrong length or of zeros is refused and left alone") {
  a_directory here;
  seeded_random random{1};
  for (auto& content : {byte_string{}, byte_string(31, 1), byte_string(33, 1), byte_string(32, 0), byte_string(100'000, 1)}) {
    REQUIRE(write_file_atomically(here.file("node.key"), content, 0600));
    CHECK_FALSE(load_or_create_node_keys(here.file("node.key"), random));
    CHECK(read_file(here.file("node.key"), 100'000)->size() == content.size());
  }
}

TEST_CASE("a symbolic link in place of the key file is refused") {
  a_directory here;
  seeded_random random{1};
  REQUIRE(load_or_create_node_keys(here.file("real"), random));
  std::filesystem::create_symlink(here.file("real"), here.file("node.key"));
  CHECK(load_or_create_node_keys(here.file("node.key"), random).why().code == error_code::failed);
}

TEST_CASE("another user's key file is refused") {
  if (::geteuid() != 0) {
    WARN("skipped: giving a file away needs root");
    return;
  }
  a_directory here;
  seeded_random random{1};
  REQUIRE(load_or_create_node_keys(here.file("node.key"), random));
  REQUIRE(::chown(here.file("node.key").c_str(), 12345, 12345) == 0);
  CHECK(load_or_create_node_keys(here.file("node.key"), random).why().code == error_code::failed);
}

TEST_CASE("no key comes into being where none can be written") {
  seeded_random random{1};
  CHECK_FALSE(load_or_create_node_keys("/nonexistent/glow/node.key", random));
}
