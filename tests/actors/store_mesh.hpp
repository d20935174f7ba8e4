/// Stores of several nodes on CAF's test coordinator: virtual time, in-memory databases, and endpoints that hand a request
/// to the other store's incoming_request while the two nodes are connected.
#pragma once

#include "actors/store/store.hpp"
#include "runtime/host/event_loop.hpp"
#include "runtime/store/memory_database.hpp"

#include <catch2/catch.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace glow {

/// A directory that goes away with the test.
struct scratch_directory {
  std::filesystem::path path;
  scratch_directory() {
    char name[] = "/tmp/glow-store-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string operator/(const std::string& name) const { return path.string() + "/" + name; }
};

inline void write_text(const std::string& path, std::string_view text) { std::ofstream{path, std::ios::binary} << text; }
inline std::string read_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

class store_mesh {
public:
  struct node {
    std::shared_ptr<store::memory_database> database = std::make_shared<store::memory_database>();
    store_front_actor store;
    endpoint_actor endpoint;
  };

  explicit store_mesh(std::vector<std::string> names)
    : system_{configured()}, scheduler_{dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())}, loop_{system_} {
    seeded_random random{7};
    for (auto& each : names) {
      keys_.push_back(identity::node_keys::generate(random));
      roster_.members.push_back({keys_.back().id(), each, identity::role::member, wall_time{}});
      nodes_.emplace_back();
    }
    roster_.id = random.next_id<namespace_id>();
    roster_.secret = random.next_id<identity::namespace_secret>();
    std::sort(roster_.members.begin(), roster_.members.end(), [](auto& a, auto& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < names.size(); ++i) start(i);
    settle();
  }
  ~store_mesh() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) stop(i);
    for (int i = 0; i < 100 && (settle(), !scheduler_.jobs.empty()); ++i) {}
    scheduler_.clock().cancel_all();
  }

  node_id id(std::size_t i) const { return keys_[i].id(); }
  node& at(std::size_t i) { return nodes_[i]; }
  void set_wall_clock(wall_time now) { wall_ = now; }

  void start(std::size_t i) {
    auto& each = nodes_[i];
    each.endpoint = system_.spawn([this, i](endpoint_actor::pointer self) { return fake_endpoint(self, i); });
    auto mine = std::make_shared<identity::roster>(roster_);
    mine->self = id(i);
    store_arguments arguments{
      [database = each.database] { return result<std::shared_ptr<store::database>>{database}; },
      keys_[i],
      mine,
      each.endpoint,
      host::system_surroundings(loop_, std::make_shared<seeded_random>(i + 100), [this] { return wall_ += 1ms; }),
      nullptr,
      false};
    each.store = spawn_store(system_, arguments);
    settle();
    tell_routes(i);
  }
  void stop(std::size_t i) {
    caf::anon_send_exit(nodes_[i].store, caf::exit_reason::kill);
    caf::anon_send_exit(nodes_[i].endpoint, caf::exit_reason::kill);
    nodes_[i].store = nullptr;
    nodes_[i].endpoint = nullptr;
    settle();
  }

  void connect(std::size_t a, std::size_t b, bool on = true) {
    if (on)
      links_.insert({std::min(a, b), std::max(a, b)});
    else
      links_.erase({std::min(a, b), std::max(a, b)});
    tell_routes(a);
    tell_routes(b);
    settle();
  }
  void disconnect(std::size_t a, std::size_t b) { connect(a, b, false); }

  /// Runs everything that is ready, without letting time pass.
  void settle() {
    while (scheduler_.try_run_once()) {}
  }
  void pass(duration time) {
    settle();
    for (auto end = scheduler_.clock().now() + time; scheduler_.clock().now() < end;) {
      scheduler_.advance_time(std::min<duration>(50ms, end - scheduler_.clock().now()));
      settle();
    }
  }
  duration virtual_now() { return scheduler_.clock().now().time_since_epoch(); }

  /// Asks a store and lets time pass until it answers.
  template <class Answer, class Question>
  result<Answer> ask(std::size_t i, Question question, duration patience = 120s) {
    result<Answer> out{error_code::timed_out, "the test's patience is over"};
    caf::scoped_actor self{system_};
    auto pending = self->request(nodes_[i].store, caf::infinite, std::move(question));
    settle();
    for (duration waited{}; !self->has_next_message() && waited < patience; waited += 50ms) pass(50ms);
    if (!self->has_next_message()) return out;
    pending.receive([&](Answer& answer) { out = result<Answer>{std::move(answer)}; },
                    [&](caf::error& why) { out = result<Answer>{from_caf(why)}; });
    return out;
  }
  result<put_done> put(std::size_t i, const std::string& source, const std::string& path, bool skip = false) {
    return ask<put_done>(i, put_path{source, path, skip, nullptr});
  }
  result<get_done> get(std::size_t i, const std::string& path, const std::string& destination, duration timeout = 30s) {
    return ask<get_done>(i, get_path{path, destination, timeout, nullptr});
  }
  std::vector<std::string> list(std::size_t i, const std::string& path, bool recursive = false) {
    auto listed = ask<path_list>(i, list_path{path, recursive});
    INFO((listed.ok() ? "" : listed.why().message));
    REQUIRE(listed.ok());
    std::vector<std::string> names;
    for (auto& each : listed->entries) names.push_back(each.name);
    return names;
  }

  /// May change what node `from` answers node `to`.
  std::function<void(std::size_t from, std::size_t to, request_method, byte_string&)> on_answer;
  std::size_t fetches = 0; ///< store_fetch requests so far

private:
  static caf::actor_system_config& configured() {
    static caf::actor_system_config config;
    config.set("scheduler.policy", caf::atom("testing"));
    return config;
  }

  struct fake_endpoint_state {
    service_actor service;
  };

  endpoint_actor::behavior_type fake_endpoint(endpoint_actor::pointer self, std::size_t i) {
    auto state = std::make_shared<fake_endpoint_state>();
    return {
      [](const payloads_arrived&) {},
      [](const routes_changed&) {},
      [](const roster_changed&) {},
      [=, this](const send_request& m) -> caf::result<response> {
        auto to = std::find_if(keys_.begin(), keys_.end(), [&](auto& each) { return each.id() == m.to; }) - keys_.begin();
        auto peer = static_cast<std::size_t>(to);
        if (m.method == request_method::store_fetch) ++fetches;
        if (peer >= nodes_.size() || !links_.contains({std::min(i, peer), std::max(i, peer)}) || !nodes_[peer].store)
          return to_caf({error_code::unreachable, "no route"});
        auto promise = self->template make_response_promise<response>();
        self->request(nodes_[peer].store, m.timeout, incoming_request{id(i), m.method, m.body})
          .then(
            [=, this](response& answer) mutable {
              if (on_answer) on_answer(peer, i, m.method, answer.body);
              if (links_.contains({std::min(i, peer), std::max(i, peer)}))
                promise.deliver(std::move(answer));
              else
                promise.deliver(to_caf({error_code::timed_out, "no answer"}));
            },
            [=](caf::error& why) mutable { promise.deliver(why); });
        return promise;
      },
      [=](const register_service& m) { state->service = m.service; },
      [](const ping_node&) -> caf::result<ping_report> { return ping_report{}; },
      [](const open_stream&) -> caf::result<stream_opened> {
        return to_caf({error_code::failed, "no streams here"});
      },
      [](const serve_streams&) -> caf::result<streams_served> {
        return to_caf({error_code::failed, "no streams here"});
      },
      [](const stop_serving&) {},
      [](const write_stream&) {},
      [](const consume_stream&) {},
      [](const close_stream&) {},
      [](const endpoint_tick&) {},
    };
  }

  void tell_routes(std::size_t i) {
    if (!nodes_[i].store) return;
    auto routes = std::make_shared<std::vector<route_info>>();
    for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
      if (peer == i || !links_.contains({std::min(i, peer), std::max(i, peer)})) continue;
      route_info route;
      route.destination = route.next = id(peer);
      route.hops = 1;
      route.metric = static_cast<std::uint32_t>(peer);
      routes->push_back(route);
    }
    caf::anon_send(nodes_[i].store, routes_changed{routes});
    settle();
  }

  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
  host::event_loop loop_;
  identity::roster roster_;
  std::vector<identity::node_keys> keys_;
  std::deque<node> nodes_;
  std::set<std::pair<std::size_t, std::size_t>> links_;
  wall_time wall_ = from_unix_ms(1'760'000'000'000);
};

} // namespace glow
