#include "tests/transports/raw_peer.hpp"
#include "tests/transports/transport_probe.hpp"

#include <sys/stat.h>

#include <fstream>

using namespace glow;
using namespace glow::test;

TEST_CASE("the socket file is for its owner only, and goes with the transport") {
  scratch_directory directory;
  transport_world world;
  auto path = directory.path + "/socket";
  auto server = world.open("unix", uri("unix:" + path));
  world.place_of(server);
  struct stat there {};
  REQUIRE(::stat(path.c_str(), &there) == 0);
  CHECK((there.st_mode & 0777) == 0600);
  world.kill(server.transport);
  world.await_death(server.transport);
  CHECK(::stat(path.c_str(), &there) != 0);
}

TEST_CASE("a socket file that nobody listens on is replaced") {
  scratch_directory directory;
  auto path = directory.path + "/socket";
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(fd); // as if its process had been killed
  transport_world world;
  auto server = world.open("unix", uri("unix:" + path));
  auto client = world.open("unix");
  CHECK(world.dial(client, world.place_of(server)).ok());
}

TEST_CASE("a socket file that a process listens on is left alone") {
  scratch_directory directory;
  transport_world world;
  auto place = uri("unix:" + directory.path + "/socket");
  auto first = world.open("unix", place);
  world.place_of(first);
  auto second = world.open("unix", place);
  auto why = world.await_death(second.transport);
  CHECK(why.code == error_code::io);
  CHECK(why.message.find("another process listens there") != std::string::npos);
  auto client = world.open("unix");
  CHECK(world.dial(client, place).ok());
}

TEST_CASE("a file that is no socket is never removed") {
  scratch_directory directory;
  auto path = directory.path + "/precious";
  std::ofstream{path} << "data";
  transport_world world;
  auto server = world.open("unix", uri("unix:" + path));
  auto why = world.await_death(server.transport);
  CHECK(why.code == error_code::io);
  CHECK(why.message.find("is no socket") != std::string::npos);
  CHECK(std::filesystem::file_size(path) == 4);
}
