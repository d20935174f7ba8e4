/// Serial lines, on real pseudo-terminals. What all media share is in test_transport_contract.cpp.
#include "runtime/base/random.hpp"
#include "tests/transports/serial_cable.hpp"
#include "transports/limits.hpp"
#include "transports/serial_line.hpp"

#include <sys/file.h>
#include <sys/stat.h>

using namespace glow;
using namespace glow::test;

namespace {

bool has_datagram(record::heard& h, const byte_string& wanted) {
  return std::any_of(h.datagrams.begin(), h.datagrams.end(), [&](auto& each) { return each.second == wanted; });
}

/// Both ends dialled, as `glow link add` on both sides does.
struct dialled_pair {
  transport_end ends[2];
  channel_id channels[2] = {0, 0};
  channel_traits traits;
};
dialled_pair dial_both(transport_world& world, serial_cable& cable) {
  dialled_pair out{{world.open("tty"), world.open("tty")}, {}, {}};
  for (int end : {0, 1}) {
    auto opened = world.dial(out.ends[end], cable.place(end));
    REQUIRE(opened.ok());
    out.channels[end] = opened->channel;
    out.traits = opened->traits;
  }
  return out;
}

} // namespace

TEST_CASE("both ends may dial, and no stranger's channel comes of it") {
  serial_cable cable;
  transport_world world;
  auto pair = dial_both(world, cable);
  for (int end : {0, 1}) {
    world.tell_all(pair.ends[end].transport, pair.channels[end], {numbered(7, 300)});
    auto& notes = *pair.ends[1 - end].listener.notes;
    REQUIRE(notes.wait([](auto& h) { return has_datagram(h, numbered(7, 300)); }));
    CHECK(notes.look([&](auto& h) { return h.opened.empty() && h.datagrams[0].first == pair.channels[1 - end]; }));
  }
  auto again = world.dial(pair.ends[0], cable.place(0));
  REQUIRE(again.ok());
  CHECK(again->channel == pair.channels[0]); // one line, one channel
}

TEST_CASE("noise on the line costs the frames it hits, and no more") {
  serial_cable cable;
  transport_world world;
  auto pair = dial_both(world, cable);
  auto& notes = *pair.ends[1].listener.notes;
  seeded_random random{7};
  for (std::uint32_t i = 1; i <= 50; ++i) {
    byte_string noise(random.next_below(2000));
    random.fill(noise);
    cable.inject(1, noise);
    world.tell_all(pair.ends[0].transport, pair.channels[0], {numbered(i, 20 + i * 20)});
    REQUIRE(notes.wait([&](auto& h) { return has_datagram(h, numbered(i, 20 + i * 20)); }));
  }
  CHECK(notes.look([](auto& h) { return h.datagrams.size(); }) == 50); // and nothing was made up of noise
}

TEST_CASE("a line at 9600 baud gets 960 bytes a second, though a pseudo-terminal would take all at once") {
  serial_cable cable{"baud=9600"};
  transport_world world;
  auto pair = dial_both(world, cable);
  CHECK(pair.traits.declared_class == "control");
  CHECK(pair.traits.is_line);
  CHECK(pair.traits.declared_why == "9600 baud");
  CHECK(pair.traits.rate_bps == 7680);
  auto began = std::chrono::steady_clock::now();
  auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  while (elapsed() < 3) { // always full
    world.tell_all(pair.ends[0].transport, pair.channels[0], {numbered(1, 500), numbered(2, 500)});
    std::this_thread::sleep_for(50ms);
  }
  auto rate = static_cast<double>(cable.bytes_from(0)) / elapsed();
  CAPTURE(rate);
  CHECK(rate < 1060); // and one frame begun
  CHECK(rate > 700);
  // what waits is bounded in time: a short datagram comes through at once
  world.tell_all(pair.ends[0].transport, pair.channels[0], {numbered(99, 30)});
  CHECK(pair.ends[1].listener.notes->wait([](auto& h) { return has_datagram(h, numbered(99, 30)); }, 1500ms));
}

TEST_CASE("a fast line is measured, not declared slow") {
  serial_cable cable{"baud=4000000"};
  transport_world world;
  auto pair = dial_both(world, cable);
  CHECK(pair.traits.declared_class.empty());
  CHECK(pair.traits.rate_bps == 3'200'000);
}

TEST_CASE("a device that goes away breaks the channel, and a listening line is opened again when it is back") {
  serial_cable cable;
  transport_world world;
  auto server = world.open("tty", cable.place(0));
  auto client = world.open("tty");
  auto opened = world.dial(client, cable.place(1));
  REQUIRE(opened.ok());
  world.tell_all(client.transport, opened->channel, {numbered(1, 10)});
  REQUIRE(server.listener.notes->wait([](auto& h) { return h.opened.size() == 1; }));
  cable.pull_out();
  for (auto* each : {&server, &client}) {
    REQUIRE(each->listener.notes->wait([](auto& h) { return h.closed.size() == 1; }));
    each->listener.notes->look([&](auto& h) {
      CHECK(h.closed[0].second.code == error_code::unreachable);
      CHECK(h.closed[0].second.message.find("serial line " + cable.device(each == &server ? 0 : 1)) != std::string::npos);
    });
  }
  auto refused = world.dial(client, cable.place(1));
  REQUIRE(!refused.ok());
  CHECK(refused.why().code == error_code::unreachable);
  cable.plug_in();
  auto redialled = world.dial(client, cable.place(1));
  REQUIRE(redialled.ok());
  bool arrived = false;
  for (int tries = 0; tries < 100 && !arrived; ++tries) {
    world.tell_all(client.transport, redialled->channel, {numbered(2, 10)});
    arrived = server.listener.notes->wait([](auto& h) { return has_datagram(h, numbered(2, 10)); }, 100ms);
  }
  CHECK(arrived);
}

TEST_CASE("an end whose link has ended still hears the other one dial") {
  serial_cable cable;
  transport_world world;
  auto pair = dial_both(world, cable);
  world.tell(pair.ends[0].transport, close_channel{pair.channels[0]});
  REQUIRE(world.ask<listening_on>(pair.ends[0].transport, get_listening{}).ok());
  world.tell_all(pair.ends[1].transport, pair.channels[1], {numbered(5, 50)});
  REQUIRE(pair.ends[0].listener.notes->wait([](auto& h) { return h.opened.size() == 1 && !h.datagrams.empty(); }));
  pair.ends[0].listener.notes->look([&](auto& h) {
    CHECK(h.opened[0].channel != pair.channels[0]);
    CHECK(h.opened[0].remote == cable.place(0));
  });
}

TEST_CASE("what was queued before a close still leaves") {
  serial_cable cable{"baud=9600"};
  transport_world world;
  auto pair = dial_both(world, cable);
  world.tell_all(pair.ends[0].transport, pair.channels[0], {numbered(1, 600), numbered(2, 600)});
  world.tell(pair.ends[0].transport, close_channel{pair.channels[0]});
  CHECK(pair.ends[1].listener.notes->wait([](auto& h) { return has_datagram(h, numbered(2, 600)); }));
}

TEST_CASE("a reader that stops does not make the writer hoard, and the newest comes through when it goes on") {
  serial_cable cable;
  transport_world world;
  auto pair = dial_both(world, cable);
  cable.hold(0, true);
  for (std::uint32_t i = 0; i < 2000; ++i) world.tell_all(pair.ends[0].transport, pair.channels[0], {numbered(i, 1000)});
  world.tell_all(pair.ends[0].transport, pair.channels[0], {numbered(4711, 1000)});
  REQUIRE(world.ask<listening_on>(pair.ends[0].transport, get_listening{}).ok());
  cable.hold(0, false);
  auto& notes = *pair.ends[1].listener.notes;
  REQUIRE(notes.wait([](auto& h) { return has_datagram(h, numbered(4711, 1000)); }));
  CHECK(notes.look([](auto& h) { return h.datagrams.size(); }) < 200); // 64 KiB of ours, the kernel's own, and no more
}

TEST_CASE("a line is ours alone, raw while we have it, and as it was afterwards") {
  serial_cable cable{"baud=19200"};
  auto before = cable.settings(0);
  transport_world world;
  auto first = world.open("tty");
  REQUIRE(world.dial(first, cable.place(0)).ok());
  auto during = cable.settings(0);
  CHECK(::cfgetospeed(&during) == B19200);
  CHECK((during.c_lflag & (ICANON | ECHO | ISIG)) == 0);
  CHECK((during.c_cflag & (CSTOPB | PARENB | CRTSCTS)) == 0);
  auto second = world.open("tty");
  auto refused = world.dial(second, cable.place(0));
  REQUIRE(!refused.ok());
  CHECK(refused.why().code == error_code::unreachable);
  CHECK(refused.why().message.find("another program uses it") != std::string::npos);
  world.kill(first.transport);
  world.await_death(first.transport);
  bool ours = false;
  for (int tries = 0; tries < 100 && !ours; ++tries) { // it closes a turn of the loop later
    ours = world.dial(second, cable.place(0)).ok();
    if (!ours) std::this_thread::sleep_for(10ms);
  }
  CHECK(ours);
  world.kill(second.transport);
  world.await_death(second.transport);
  for (int tries = 0; tries < 100 && ::cfgetospeed(&during) != ::cfgetospeed(&before); ++tries) {
    std::this_thread::sleep_for(10ms);
    during = cable.settings(0);
  }
  CHECK(during.c_cflag == before.c_cflag);
  CHECK(during.c_lflag == before.c_lflag);
}

TEST_CASE("what is no serial line is refused before anything is done to it") {
  transport_world world;
  auto client = world.open("tty");
  scratch_directory directory;
  auto file = directory.path + "/file";
  ::close(::open(file.c_str(), O_CREAT | O_WRONLY, 0600));
  auto refusal = [&](const std::string& text) {
    auto opened = world.dial(client, uri(text));
    REQUIRE(!opened.ok());
    return opened.why();
  };
  CHECK(refusal("tty:" + file).code == error_code::usage);
  CHECK(refusal("tty:/dev/null").code == error_code::usage);
  CHECK(refusal("tty:" + directory.path + "/nowhere").code == error_code::unreachable);
  CHECK(refusal("tty:ttyS0").code == error_code::usage);
  CHECK(refusal("tty:/dev/ttyS0?baud=17").message.find("baud must be") != std::string::npos);
  CHECK(refusal("tty:/dev/ttyS0?baud=9600x").code == error_code::usage);
  CHECK(refusal("tty:/dev/ttyS0?flow=xonxoff").code == error_code::usage);
  CHECK(refusal("tty:/dev/ttyS0?speed=9600").code == error_code::usage);
}

TEST_CASE("the settings of a serial line are read from its URI") {
  CHECK(*transports::serial_settings_of(uri("tty:/dev/ttyS0")) == transports::serial_settings{"/dev/ttyS0", 115200, false});
  CHECK(*transports::serial_settings_of(uri("tty:/dev/ttyS0?baud=9600&flow=rtscts"))
        == transports::serial_settings{"/dev/ttyS0", 9600, true});
}
