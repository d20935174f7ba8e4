/// What the tests of the control actor stand in: its socket in a home of its own, fake actors behind it, a program before it.
#pragma once

#include "actors/control/control.hpp"
#include "apps/client/connection.hpp"
#include "apps/client/document.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/host/event_loop.hpp"
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <poll.h>
#include <sys/stat.h>
#include <thread>

namespace glow_test {

struct withhold_metrics {}; ///< test → the fake links: be too busy to tell what you count

} // namespace glow_test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow_test::withhold_metrics)

namespace glow_test {

using namespace glow;
using client::json;

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
  std::string counts_as; ///< label of what it counts; empty: nothing
  void expose(measure::exposition& out) const {
    static constexpr measure::family questions{"glow_fake_questions", "Asked."};
    if (!counts_as.empty()) out.counter(questions, {{"of", counts_as}}, std::uint64_t{7});
  }
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
  self->state.counts_as = "links";
  return {
    [=](const withhold_metrics&) {
      self->observed.suspended = true;
      self->observed.is_system_message = [](const caf::type_erased_tuple& content) {
        return lifecycle_detail::is_system_message(content) && !content.match_elements<get_metrics>();
      };
    },
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
    [](const trace_route& m) -> caf::result<trace_report> {
      if (m.to == id_of('a')) return to_caf({error_code::unreachable, "no route to " + to_short_string(m.to)});
      return trace_report{{{id_of('b'), 1ms, "3", "local"}}};
    },
    [](const explain_route& m) {
      route::explanation out;
      out.to = m.to;
      out.is_member = true;
      for (auto c : route::each_metric_class) {
        out.tables[route::index_of(c)].table = c;
        const bool is_bulk = c == route::metric_class::bulk;
        route::judged_way way;
        way.what = {m.to, c, m.to, is_bulk ? route::infinite_metric : 1500, 1, 1200, !is_bulk, !is_bulk};
        way.promised = is_bulk ? route::infinite_metric : 0;
        route::link_view by{3, m.to, "udp://10.0.0.2:7400", "local", 1200, 1ms, 0, 0};
        way.links.push_back({by, 1500, true});
        out.tables[route::index_of(c)].ways.push_back(way);
      }
      return route_explanation{out};
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
    std::this_thread::sleep_for(1ms); // only spares the processor
  }
  return false;
}

} // namespace glow_test
