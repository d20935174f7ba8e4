#include "runtime/control/limits.hpp"
#include "tests/actors/control_world.hpp"
#include "tests/runtime/measure/open_metrics_checker.hpp"

using namespace glow;
using namespace glow_test;
using client::json;

TEST_CASE("status merges roster, links and routes") {
  control_world world;
  auto status = world.call("status").value();
  CHECK(status["node"]["name"] == "laptop");
  CHECK(status["node"]["id"] == to_string(id_of('a')));
  CHECK(status["namespace"]["name"] == "home");
  CHECK(status["agent"]["version"] == "1.2.3");
  CHECK(status["agent"]["pid"] == ::getpid());
  CHECK(status["links"] == 1);
  CHECK(status["nodes"] == 2);
  CHECK(status["online"] == 2);
}

TEST_CASE("metrics join what every actor counts in one document that keeps the format's rules") {
  control_world world;
  auto told = world.call("metrics").value();
  CHECK(told["content_type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  auto text = told["text"].get<std::string>();
  CHECK(complaint_about(text) == "");
  CHECK_THAT(text, Catch::Contains("\nglow_fake_questions_total{of=\"links\"} 7\n"));
  CHECK_THAT(text, Catch::Contains("\nglow_actor_restarts_total{actor=\"node/links\"} 2\n"));
  CHECK_THAT(text, Catch::Contains("\nglow_actor_waiting_messages{actor=\"node/links\",kind=\"fake\"} 0\n"));
  CHECK_THAT(text, Catch::Contains("\nglow_build_info{version=\"1.2.3\"} 1\n"));
  CHECK_THAT(text, Catch::Contains("\nprocess_resident_memory_bytes "));
}

TEST_CASE("an actor that hangs is left out of the metrics after a second") {
  control_world world;
  caf::anon_send(world.links, withhold_metrics{});
  auto text = world.call("metrics").value()["text"].get<std::string>();
  CHECK(complaint_about(text) == "");
  CHECK_THAT(text, !Catch::Contains("glow_fake_questions_total{of=\"links\"}"));
}

TEST_CASE("routes.why tells the choice per traffic class, with names") {
  control_world world;
  auto why = world.call("routes.why", {{"node", "nas"}}).value();
  CHECK(why["node"] == "nas");
  REQUIRE(why["classes"].size() == 3);
  CHECK(why["classes"][1]["class"] == "interactive");
  CHECK(why["classes"][1]["next"] == "nas");
  CHECK(why["classes"][1]["link"] == 3);
  CHECK(why["classes"][1]["why"] == "via nas by local link 3 (udp://10.0.0.2:7400): the only feasible way");
  CHECK(why["classes"][2]["next"].is_null());
  CHECK(why["classes"][2]["ways"][0]["metric"].is_null());
  CHECK(why["classes"][2]["ways"][0]["why"] == "nas has not announced itself yet");
  CHECK(world.call("routes.why", {{"node", "nobody"}}).why().code == error_code::not_found);
}

TEST_CASE("a trace that fails names nodes as people do") {
  control_world world;
  auto failed = world.call("trace", {{"node", "laptop"}}).why();
  CHECK(failed.code == error_code::unreachable);
  CHECK(failed.message == "no route to laptop");
}

TEST_CASE("nodes, links and routes have the fields that scripts read") {
  control_world world;
  auto nodes = world.call("nodes").value();
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0]["hops"] == 0);
  CHECK(nodes[1]["online"] == true);
  CHECK(nodes[1]["via"] == "nas");
  CHECK(nodes[1]["rtt_ms"] == 0.5);
  auto links = world.call("links").value();
  REQUIRE(links.size() == 2);
  CHECK(links[0]["channel"] == "udp://10.0.0.2:7400");
  CHECK(links[0]["peer"] == "nas");
  CHECK(links[1]["state"] == "waiting");
  CHECK(links[1]["why"] == "connection refused");
  auto routes = world.call("routes").value();
  REQUIRE(routes.size() == 1);
  CHECK(routes[0]["node"] == "nas");
  CHECK(routes[0]["class"] == "interactive");
}

TEST_CASE("a failure keeps its code on the way to the program") {
  control_world world;
  CHECK(world.call("ping", {{"node", "nas"}}).why().code == error_code::unreachable);
  CHECK(world.call("get", {{"path", "/x"}, {"destination", "/tmp/x"}}).why().code == error_code::unreachable);
  CHECK(world.call("join", {{"ticket", "t"}}).why() == error{error_code::expired, "the ticket has expired"});
  CHECK(world.call("ping", {{"node", "nobody"}}).why().code == error_code::not_found);
  CHECK(world.call("link.add", {{"uri", "nonsense"}}).why().code == error_code::usage);
  CHECK(world.call("link.rm", {{"id", "12x"}}).why().code == error_code::usage);
  CHECK(world.call("no-such-command").why().code == error_code::usage);
  CHECK(world.call("put", {{"source", "relative"}, {"path", "/a"}}).why().code == error_code::usage);
  CHECK(world.call("jobs").why().code == error_code::stopped); // there is no jobs actor in this world
}

TEST_CASE("a node is found by name, id and a unique beginning of its id") {
  control_world world;
  auto id = to_string(id_of('b'));
  for (auto& text : {std::string{"nas"}, id, id.substr(0, 6)})
    CHECK(world.call("trace", {{"node", text}}).value()["hops"][0]["node"] == "nas");
  CHECK(world.call("trace", {{"node", id.substr(0, 2)}}).why().code == error_code::not_found);
  CHECK(world.call("expel", {{"node", "laptop"}}).why().code == error_code::usage);
  CHECK_FALSE(world.told->expelled);
  CHECK(world.call("expel", {{"node", "nas"}}).ok());
  CHECK(world.told->expelled);
}

TEST_CASE("names that are no UTF-8 keep their bytes beside the readable form") {
  control_world world;
  auto list = world.call("ls", {{"path", "/"}}).value();
  REQUIRE(list.size() == 2);
  CHECK(list[0]["name"] == "a\nb");
  CHECK_FALSE(list[0].contains("name_hex"));
  CHECK(list[0]["mtime"] == "2023-11-14T22:13:20.123Z");
  CHECK(list[1]["name_hex"] == "fffe");
  CHECK(list[1]["mtime"] == nullptr);
}

TEST_CASE("put tells progress, but not more than it should") {
  control_world world;
  std::vector<control::progress_made> told;
  client::call_options options;
  options.on_progress = [&](const control::progress_made& made) { told.push_back(made); };
  auto done = world.call("put", {{"source", "/a"}, {"path", "/b"}}, options).value();
  CHECK(done["commit"] == "c1");
  CHECK(told.size() <= 3); // the first, the last, and one for a slow machine
}

TEST_CASE("cat streams a file and the program may stop it half way") {
  control_world world;
  std::string got;
  client::call_options options;
  options.on_output = [&](byte_view bytes) {
    got += as_text(bytes);
    return result<void>{};
  };
  CHECK(world.call("cat", {{"path", "/small"}}, options).value()["bytes"] == 5);
  CHECK(got == "hello");
  std::size_t taken = 0;
  options.on_output = [&](byte_view bytes) {
    taken += bytes.size();
    return taken < (4u << 20) ? result<void>{} : result<void>{error{error_code::io, "enough"}};
  };
  CHECK(world.call("cat", {{"path", "/endless"}}, options).why().message == "enough");
}

TEST_CASE("a program that does not read makes the store wait") {
  control_world world;
  auto socket = world.raw();
  auto start = encode(control::request{control::start_command{1, "cat", {{"path", "/endless"}}}}).value();
  REQUIRE(::send(socket.get(), start.data(), start.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(start.size()));
  REQUIRE(eventually([&] { return world.told->read_slices > 2; }));
  // what the kernel and the queue hold, and not a byte more: the count comes to rest
  std::uint64_t before = 0;
  REQUIRE(eventually([&] {
    auto now = world.told->read_slices.load();
    std::this_thread::sleep_for(20ms); // longer than one more slice would take
    return std::exchange(before, now) == now;
  }));
  CHECK(before < 20);
  CHECK(world.call("status").ok()); // others are served meanwhile
}

TEST_CASE("an upload arrives whole and is committed at its end") {
  control_world world;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  host::owned_fd read_end{pipe_ends[0]};
  constexpr std::uint64_t size = 5u << 20;
  std::thread producer{[fd = pipe_ends[1]] {
    byte_string block(64u << 10, 'u');
    for (std::uint64_t sent = 0; sent < size; sent += block.size())
      if (::write(fd, block.data(), block.size()) < 0) break;
    ::close(fd);
  }};
  client::call_options options;
  options.input_fd = read_end.get();
  auto done = world.call("put.stream", {{"path", "/up"}}, options);
  producer.join();
  REQUIRE(done.ok());
  CHECK((*done)["bytes"] == size);
  CHECK(world.told->upload_committed);
  CHECK_FALSE(world.told->upload_dropped);
}

TEST_CASE("an upload whose program dies is not committed") {
  control_world world;
  {
    auto socket = world.raw();
    auto bytes = encode(control::request{control::start_command{1, "put.stream", {{"path", "/up"}}}}).value();
    append(bytes, encode(control::request{control::input_data{1, {1, 2, 3}}}).value());
    REQUIRE(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    REQUIRE(eventually([&] { return world.told->upload_bytes == 3; }));
  }
  CHECK(eventually([&] { return world.told->upload_dropped.load(); }));
  CHECK_FALSE(world.told->upload_committed);
}

TEST_CASE("a cancelled command is answered as stopped") {
  control_world world;
  auto socket = world.raw();
  auto bytes = encode(control::request{control::start_command{4, "put", {{"source", "/a"}, {"path", "/hangs"}}}}).value();
  append(bytes, encode(control::request{control::cancel_command{4}}).value());
  REQUIRE(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  pollfd wait{socket.get(), POLLIN, 0};
  REQUIRE(::poll(&wait, 1, 5000) == 1);
  byte_string buffer(4096);
  buffer.resize(static_cast<std::size_t>(::recv(socket.get(), buffer.data(), buffer.size(), 0)));
  control::frame_reader reader;
  reader.feed(buffer);
  auto answer = control::decode_answer(*reader.next().value()).value();
  CHECK(std::get<control::command_failed>(answer) == control::command_failed{4, {error_code::stopped, "cancelled"}});
}

TEST_CASE("garbage closes the connection with a reason") {
  control_world world;
  auto socket = world.raw();
  std::string garbage = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  REQUIRE(::send(socket.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL) > 0);
  CHECK(connection_error(read_until_closed(socket.get())).code == error_code::malformed);
  CHECK(world.call("status").ok());
}

TEST_CASE("an oversize frame closes the connection before its bytes arrive") {
  control_world world;
  auto socket = world.raw();
  byte_string head;
  append_le(head, static_cast<std::uint32_t>(limits::control_frame_bytes_max + 8));
  REQUIRE(::send(socket.get(), head.data(), head.size(), MSG_NOSIGNAL) == 4);
  CHECK(connection_error(read_until_closed(socket.get())).code == error_code::malformed);
}

TEST_CASE("half-open programs make room for others, oldest first") {
  control_world world;
  std::vector<host::owned_fd> idle;
  for (std::size_t i = 0; i < limits::control_clients_max + 10; ++i) {
    idle.push_back(world.raw());
    std::uint8_t half_a_length[2] = {8, 0};
    ::send(idle.back().get(), half_a_length, sizeof half_a_length, MSG_NOSIGNAL);
  }
  CHECK(connection_error(read_until_closed(idle.front().get())).code == error_code::exhausted);
  CHECK(world.call("status").ok());
}

TEST_CASE("many commands share one connection") {
  control_world world;
  auto agent = world.connect();
  for (int i = 0; i < 50; ++i) CHECK(agent.call("status", {}).ok());
}

TEST_CASE("the socket is for its owner only and stands at the end of any path") {
  control_world world{300};
  REQUIRE(world.home.path.size() > 300);
  CHECK(world.call("status").ok());
  struct stat info {};
  REQUIRE(::stat((world.home.path + "/control.sock").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("the supervision tree is shown and its actors are spoken to by path") {
  control_world world;
  auto tree = world.call("supervisor-tree").value();
  CHECK(tree["name"] == "node");
  REQUIRE(tree["children"].size() == 1);
  CHECK(tree["children"][0]["path"] == "node/links");
  CHECK(tree["children"][0]["restarts"] == 2);
  CHECK(world.call("actor.state", {{"path", "node/links"}}).value()["state"]["fake"] == true);
  CHECK(world.call("actor.stats", {{"path", "node/links"}}).value()["messages_handled"] > 0);
  CHECK(world.call("actor.state", {{"path", "node/nobody"}}).why().code == error_code::not_found);
}

TEST_CASE("a suspended actor keeps messages until it is resumed, and quit ends it") {
  control_world world;
  REQUIRE(world.call("actor.suspend", {{"path", "node/links"}}).ok());
  auto waiting = std::thread{[&] { CHECK(world.call("links").ok()); }};
  CHECK(world.call("actor.resume", {{"path", "node/links"}}).ok());
  waiting.join();
  CHECK(world.call("actor.quit", {{"path", "node/links"}}).ok());
  CHECK(eventually([&] { return !world.call("links").ok(); }));
}

TEST_CASE("down is handed to the agent") {
  control_world world;
  CHECK(world.call("down").value()["pid"] == ::getpid());
  CHECK(world.told->shut_down);
}

TEST_CASE("without an agent a program is told so") {
  temporary_home home;
  auto none = client::connection::open(home.path);
  REQUIRE_FALSE(none.ok());
  CHECK(none.why().code == error_code::no_agent);
  CHECK(none.why().message == "no agent is running in " + home.path + ": start one with: glow up");
}

TEST_CASE("a home is held by one agent at a time") {
  temporary_home home;
  CHECK_FALSE(host::home_lock::held(home.path));
  {
    auto first = host::home_lock::take(home.path);
    REQUIRE(first.ok());
    CHECK(host::home_lock::held(home.path));
    auto second = host::home_lock::take(home.path);
    REQUIRE_FALSE(second.ok());
    CHECK(second.why().code == error_code::already_used);
    CHECK(second.why().message.find(std::to_string(::getpid())) != std::string::npos);
  }
  CHECK_FALSE(host::home_lock::held(home.path));
}
