/// Commands as channels, and the socket where `glow stdio` ends. Real processes throughout.
#include "tests/transports/raw_peer.hpp"
#include "tests/transports/transport_probe.hpp"
#include "transports/command_errors.hpp"

#include <sys/stat.h>

#include <csignal>
#include <fstream>

using namespace glow;
using namespace glow::test;

namespace {

channel_uri command(const std::string& text) {
  channel_uri out;
  out.scheme = "exec";
  out.path = text;
  return out;
}

struct running_command {
  transport_world world;
  transport_end end = world.open("exec");
  channel_id channel = 0;
  channel_traits traits;

  void dial(const std::string& text) {
    auto opened = world.dial(end, command(text));
    REQUIRE(opened.ok());
    channel = opened->channel;
    traits = opened->traits;
  }
  record& notes() { return *end.listener.notes; }
  error end_of_channel() {
    REQUIRE(notes().wait([](auto& h) { return h.closed.size() == 1; }));
    return notes().look([](auto& h) { return h.closed[0].second; });
  }
};

/// The first number in the file, once it is there.
pid_t pid_in(const std::string& path) {
  for (int tries = 0; tries < 500; ++tries) {
    pid_t pid = 0;
    if (std::ifstream file{path}; file >> pid) return pid;
    std::this_thread::sleep_for(10ms);
  }
  return 0;
}

bool is_gone(pid_t pid) {
  for (int tries = 0; tries < 500; ++tries) {
    std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
    std::string number, name, state;
    if (!(stat >> number >> name >> state) || state == "Z") return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

} // namespace

TEST_CASE("a command's stdin and stdout carry datagrams, in order and whole") {
  running_command on;
  on.dial("cat");
  CHECK(on.traits.scheme == "exec");
  CHECK(on.traits.reliable);
  CHECK_FALSE(on.traits.on_link); // nobody knows where it leads
  std::vector<byte_string> sent;
  for (std::uint32_t i = 0; i < 500; ++i) sent.push_back(numbered(i, 4 + i * 37 % 9000));
  sent.push_back(numbered(500, 65535));
  on.world.tell_all(on.end.transport, on.channel, sent);
  REQUIRE(on.notes().wait([&](auto& h) { return h.datagrams.size() == sent.size(); }));
  on.notes().look([&](auto& h) {
    bool same = true;
    for (std::size_t i = 0; i < sent.size(); ++i) same = same && h.datagrams[i] == std::pair{on.channel, sent[i]};
    CHECK(same);
  });
}

TEST_CASE("a command that ends closes its channel, with its status and its last words") {
  running_command on;
  on.dial("echo one >&2; echo 'ssh: no route to nas' >&2; exit 3");
  auto why = on.end_of_channel();
  CHECK(why.code == error_code::unreachable);
  CHECK(why.message.find("exited with status 3: ssh: no route to nas") != std::string::npos);
}

TEST_CASE("what a command said before it ended is delivered") {
  running_command on;
  on.dial("printf '\\000\\003abc'; exit 0");
  auto why = on.end_of_channel();
  CHECK(why.message.find("exited with status 0") != std::string::npos);
  on.notes().look([&](auto& h) {
    REQUIRE(h.datagrams.size() == 1);
    CHECK(h.datagrams[0].second == byte_string{'a', 'b', 'c'});
  });
}

TEST_CASE("a command that does not exist is told as the shell tells it") {
  running_command on;
  on.dial("no-such-program-of-glow --flag");
  auto why = on.end_of_channel();
  CHECK(why.message.find("status 127") != std::string::npos);
  CHECK(why.message.find("not found") != std::string::npos);
}

TEST_CASE("a command that talks nonsense loses its channel") {
  running_command on;
  on.dial("printf '\\000\\000hello'; sleep 60");
  CHECK(on.end_of_channel().code == error_code::malformed);
}

TEST_CASE("a command dies with its channel, and what it started in its group with it") {
  scratch_directory directory;
  running_command on;
  on.dial("sleep 600 & echo $! > " + directory.path + "/child; echo $$ > " + directory.path + "/shell; cat; sleep 600");
  auto shell = pid_in(directory.path + "/shell");
  auto child = pid_in(directory.path + "/child");
  REQUIRE((shell > 0 && child > 0));
  SECTION("closed") { on.world.tell(on.end.transport, close_channel{on.channel}); }
  SECTION("its transport is killed") { on.world.kill(on.end.transport); }
  CHECK(is_gone(shell));
  CHECK(is_gone(child));
}

TEST_CASE("a close lets the command read to the end of its input") {
  scratch_directory directory;
  running_command on;
  auto file = directory.path + "/got";
  on.dial("cat > " + file + "; mv " + file + " " + file + ".all");
  on.world.tell_all(on.end.transport, on.channel, {numbered(1, 60000), numbered(2, 60000)});
  on.world.tell(on.end.transport, close_channel{on.channel});
  struct stat there {};
  for (int tries = 0; tries < 100 && ::stat((file + ".all").c_str(), &there) != 0; ++tries) std::this_thread::sleep_for(10ms);
  CHECK(there.st_size == 120004);
}

TEST_CASE("a command that does not read makes nobody hoard") {
  running_command on;
  on.dial("sleep 600");
  std::vector<byte_string> datagrams(1000, numbered(1, 60000)); // 60 MB
  on.world.tell_all(on.end.transport, on.channel, std::move(datagrams));
  CHECK(on.world.ask<listening_on>(on.end.transport, get_listening{}).ok()); // and the loop goes on
  on.world.tell(on.end.transport, close_channel{on.channel});
  auto again = on.world.dial(on.end, command("cat"));
  REQUIRE(again.ok());
  on.world.tell_all(on.end.transport, again->channel, {numbered(5, 50)});
  CHECK(on.notes().wait([](auto& h) { return h.datagrams.size() == 1; }));
}

TEST_CASE("a command that floods its stderr costs bounded memory and log") {
  transports::command_errors said;
  std::vector<std::string> lines;
  steady_time now{1h};
  for (int i = 0; i < 1000; ++i) said.feed("error " + std::to_string(i) + "\r\n\n", now, lines);
  CHECK(lines.size() == limits::command_lines_max);
  CHECK(lines.front() == "error 0");
  CHECK(said.last() == "error 999");
  said.feed(std::string(100'000, 'x'), now, lines);
  CHECK(said.last().size() == limits::command_line_bytes_max);
  said.feed("\n", now + limits::command_lines_time, lines);
  CHECK(lines.size() == limits::command_lines_max + 1);
  said.feed("half a line", now, lines);
  CHECK(said.last() == "half a line");
}

TEST_CASE("nobody listens on exec, and a place without a command is refused") {
  transport_world world;
  auto server = world.open("exec", uri("exec:cat"));
  CHECK(world.await_death(server.transport).code == error_code::usage);
  auto client = world.open("exec");
  CHECK(world.dial(client, uri("exec://host/cat")).why().code == error_code::usage);
}

TEST_CASE("what joins by stdio is taken for somebody from anywhere, in a home however deep") {
  scratch_directory directory;
  auto home = directory.path;
  for (int i = 0; i < 5; ++i) ::mkdir((home += "/" + std::string(30, 'd')).c_str(), 0700);
  transport_world world;
  channel_uri place;
  place.scheme = "stdio";
  place.path = home + "/link.sock";
  auto server = world.open("stdio", place);
  CHECK(world.place_of(server) == place);
  struct stat there {};
  REQUIRE(::stat(place.path.c_str(), &there) == 0);
  CHECK((there.st_mode & 0777) == 0600);
  auto client = world.open("unix");
  auto as_unix = place;
  as_unix.scheme = "unix";
  auto opened = world.dial(client, as_unix);
  REQUIRE(opened.ok());
  world.tell_all(client.transport, opened->channel, {numbered(1, 100)});
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.datagrams.size() == 1; }));
  server.listener.notes->look([&](auto& h) {
    CHECK(h.opened[0].traits.scheme == "stdio");
    CHECK(h.opened[0].traits.reliable);
    CHECK_FALSE(h.opened[0].traits.on_link);
  });
  CHECK(world.dial(server, place).why().code == error_code::usage); // that is exec's work
}
