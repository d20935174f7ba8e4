#include "actors/control/control.hpp"

#include "apps/client/connection.hpp"
#include "apps/client/document.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/base/limits.hpp"

#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

using namespace glow;
using client::json;

namespace {

namespace fs = std::filesystem;

/// A fresh directory that goes with the test.
struct temporary_home {
  std::string path;
  explicit temporary_home(std::size_t deeper_by = 0) {
    char name[] = "/tmp/glow-control-XXXXXX";
    root_ = ::mkdtemp(name);
    path = root_;
    while (deeper_by > 0) {
      auto part = std::min<std::size_t>(deeper_by, 100);
      path += "/" + std::string(part, 'd');
      deeper_by -= part;
    }
    fs::create_directories(path);
  }
  ~temporary_home() { fs::remove_all(root_); }

private:
  std::string root_;
};

/// What the fake actors were told, seen from the test's thread.
struct seen {
  std::atomic<bool> upload_committed{false};
  std::atomic<bool> upload_dropped{false};
  std::atomic<std::uint64_t> upload_bytes{0};
  std::atomic<std::uint64_t> read_slices{0};
  std::atomic<bool> shut_down{false};
  std::atomic<bool> expelled{false};
};

struct fake_state : actor_lifecycle {
  static inline const char* name = "fake";
  std::string json() const { return R"({"fake":true})"; }
};
/// Dynamically typed, so that a fake need not know messages that no command sends.
using fake_self = caf::stateful_actor<fake_state, loop_hosted<caf::event_based_actor>>*;

node_id id_of(char letter) {
  node_id out;
  out.value.fill(static_cast<std::uint8_t>(letter));
  return out;
}

identity::roster_ptr two_members() {
  auto out = std::make_shared<identity::roster>();
  out->id.value.fill(9);
  out->name = "home";
  out->self = id_of('a');
  out->members = {{id_of('a'), "laptop", identity::role::admin, {}}, {id_of('b'), "nas", identity::role::member, {}}};
  return out;
}

caf::behavior fake_namespace(fake_self self, std::shared_ptr<seen> told) {
  install_lifecycle(self);
  return {
    [](const get_roster&) { return roster_changed{two_members()}; },
    [](const create_ticket&) {
      return ticket_created{"glow:abc", from_unix_ms(1'800'000'000'000)};
    },
    [=](const expel_member&) {
      told->expelled = true;
      return member_expelled{};
    },
  };
}

caf::behavior fake_links(fake_self self) {
  install_lifecycle(self);
  return {
    [](const add_peer&) { return peer_added{7}; },
    [](const remove_link& m) -> caf::result<link_removed> {
      if (m.id != 7) return to_caf({error_code::not_found, "no link " + std::to_string(m.id)});
      return link_removed{};
    },
    [](const get_links&) {
      link_info up;
      up.id = 3;
      up.peer = id_of('b');
      up.peer_name = "nas";
      up.channel = parse_channel_uri("udp://10.0.0.2:7400").value();
      up.link_class = "local";
      up.state = "up";
      up.rtt = 500us;
      return link_list{{up}, {{9, parse_channel_uri("tcp://10.9.9.9:1").value(), 4s, "connection refused"}}};
    },
  };
}

caf::behavior fake_router(fake_self self) {
  install_lifecycle(self);
  return {
    [](const subscribe_routes&) {},
    [](const get_routes&) {
      route_info way;
      way.destination = way.next = id_of('b');
      way.hops = 1;
      return route_list{{way}};
    },
    [](const trace_route&) {
      return trace_report{{{id_of('b'), 1ms, "3", "local"}}};
    },
  };
}

caf::behavior fake_endpoint(fake_self self) {
  install_lifecycle(self);
  return {
    [](const ping_node&) -> caf::result<ping_report> {
      return to_caf({error_code::unreachable, "no route to nas"});
    },
  };
}

constexpr std::uint64_t endless_bytes = 1u << 30;

path_bytes slice_of(const read_path& m, seen& told) {
  ++told.read_slices;
  if (m.path == "/endless") return {byte_string(m.bytes_max, 'x'), endless_bytes, m.offset + m.bytes_max >= endless_bytes};
  return {to_bytes("hello"), 5, true};
}

caf::behavior fake_store(fake_self self, std::shared_ptr<seen> told) {
  install_lifecycle(self);
  return {
    [=](const put_path& m) -> caf::result<put_done> {
      if (m.path == "/hangs") return self->make_response_promise<put_done>();
      if (m.watcher)
        for (std::uint64_t done = 0; done <= 1000; ++done)
          caf::anon_send(caf::actor_cast<progress_actor>(m.watcher), progress{m.source, done, 1000, "B"});
      return put_done{"c1", m.path, 1, 1000, {}};
    },
    [](const get_path&) -> caf::result<get_done> {
      return to_caf({error_code::unreachable, "nobody reachable has /x"});
    },
    [=](const read_path& m) { return slice_of(m, *told); },
    [](const open_upload&) { return upload_opened{5}; },
    [=](const write_upload& m) {
      told->upload_bytes += m.bytes.size();
      return upload_written{};
    },
    [=](const close_upload& m) {
      (m.commit ? told->upload_committed : told->upload_dropped) = true;
      return put_done{"c2", "/up", 1, told->upload_bytes, {}};
    },
    [](const list_path&) {
      return path_list{
        {{"a\nb", "file", 3, from_unix_ms(1'700'000'000'123), 2, 1, "", 0644}, {"\xff\xfe", "file", 0, {}, 1, 1, "", 0644}}};
    },
    [](const log_path&) { return path_log{}; },
    [](const remove_path&) {
      return path_removed{"c3", 1};
    },
    [](const copy_path& m) {
      return put_done{"c4", m.to, 1, 1, {}};
    },
  };
}

caf::behavior fake_agent(fake_self self, std::shared_ptr<seen> told) {
  install_lifecycle(self);
  return {
    [=](const shut_down_agent&) {
      told->shut_down = true;
      return system_done{};
    },
    [](const join_with_ticket&) -> caf::result<joined_namespace> {
      return to_caf({error_code::expired, "the ticket has expired"});
    },
  };
}

/// Root of a supervision tree with one child.
struct root_state : fake_state {
  caf::actor child;
  std::vector<child_entry> children() const {
    return {{"links", "actor", "running", 2, caf::actor_cast<caf::strong_actor_ptr>(child), "lost"}};
  }
};
caf::behavior fake_root(caf::stateful_actor<root_state, pool_hosted<caf::event_based_actor>>* self, caf::actor child) {
  install_lifecycle(self);
  self->state.child = std::move(child);
  return {[](const control_tick&) {}};
}

/// A control actor in a world of fakes, and connections to it as programs make them.
class control_world {
  template <class Actor, class F, class... Arguments>
  Actor spawn(F behavior, Arguments... arguments) {
    fakes_.push_back(spawn_on_loop(system_, *loop_, behavior, arguments...));
    return caf::actor_cast<Actor>(caf::actor_cast<caf::strong_actor_ptr>(fakes_.back()));
  }

public:
  explicit control_world(std::size_t deeper_by = 0) : home{deeper_by}, lock_{host::home_lock::take(home.path)} {
    node_parts parts;
    parts.self = id_of('a');
    parts.home = home.path;
    parts.version = "1.2.3";
    parts.name_space = spawn<namespace_actor>(fake_namespace, told);
    parts.links = spawn<links_actor>(fake_links);
    parts.router = spawn<router_actor>(fake_router);
    parts.endpoint = spawn<endpoint_actor>(fake_endpoint);
    parts.store = spawn<store_actor>(fake_store, told);
    parts.agent = spawn<agent_port_actor>(fake_agent, told);
    links = caf::actor_cast<caf::actor>(caf::actor_cast<caf::strong_actor_ptr>(parts.links));
    parts.supervisor = system_.spawn(fake_root, links);
    fakes_.push_back(parts.supervisor);
    control = spawn_on_loop(system_, *loop_, control_behavior, parts, host::system_surroundings(*loop_), caf::strong_actor_ptr{});
  }
  ~control_world() {
    caf::scoped_actor ending{system_};
    fakes_.push_back(caf::actor_cast<caf::actor>(control));
    control = nullptr;
    links = nullptr;
    for (auto& each : fakes_) ending->send_exit(each, caf::exit_reason::user_shutdown);
    ending->wait_for(fakes_);
    fakes_.clear();
  }

  client::connection connect() { return std::move(client::connection::open(home.path).value()); }
  result<json> call(const std::string& command, std::vector<control::argument> arguments = {},
                    const client::call_options& options = {}) {
    auto answer = connect().call(command, std::move(arguments), options);
    return answer ? client::parse_document(*answer) : result<json>{answer.why()};
  }
  /// A bare connection, for misbehaviour.
  host::owned_fd raw() {
    auto address = host::control_address_of(home.path).value().directory.release(); // the descriptor must outlive connect
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/control.sock", address);
    host::owned_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    connect(); // waits until the socket is there
    REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    ::close(address);
    return socket;
  }

  temporary_home home;
  std::shared_ptr<seen> told = std::make_shared<seen>();
  control_actor control;
  caf::actor links;

private:
  result<host::home_lock> lock_;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  std::unique_ptr<host::event_loop> loop_ = std::make_unique<host::event_loop>(system_);
  std::vector<caf::actor> fakes_;
};

/// What arrives until the other side closes, or five seconds have passed (then the test fails).
byte_string read_until_closed(int fd) {
  byte_string out;
  while (true) {
    pollfd wait{fd, POLLIN, 0};
    REQUIRE(::poll(&wait, 1, 5000) == 1);
    std::uint8_t buffer[4096];
    auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return out;
    append(out, {buffer, static_cast<std::size_t>(n)});
  }
}

error connection_error(const byte_string& bytes) {
  control::frame_reader reader;
  reader.feed(bytes);
  auto frame = reader.next();
  REQUIRE(frame.ok());
  REQUIRE(frame->has_value());
  auto answer = control::decode_answer(**frame);
  REQUIRE(answer.ok());
  auto& failed = std::get<control::command_failed>(*answer);
  CHECK(failed.id == 0);
  return failed.why;
}

template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

} // namespace

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
    std::this_thread::sleep_for(20ms);
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
