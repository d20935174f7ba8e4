/// A little world for tests of transports: an actor system with one loop, and probes that stand where `links` stands and
/// write down what they hear. Waiting is always for an event, with a bound; never for time to pass.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "runtime/host/event_loop.hpp"
#include "runtime/link/datagram.hpp"
#include "transports/catalog.hpp"

#include <catch2/catch.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

namespace glow::test {

/// What one probe heard, in order. Shared between the probe's thread and the test's.
class record {
public:
  struct heard {
    std::vector<transport_actor> started;
    std::vector<channel_opened> opened;
    std::vector<std::pair<channel_id, byte_string>> datagrams;
    std::vector<std::pair<channel_id, error>> closed;
    std::vector<channel_narrowed> narrowed;
    std::uint64_t datagram_bytes = 0;
  };

  template <class Change>
  void add(Change change) {
    std::unique_lock guard{mutex_};
    changed_.wait(guard, [&] { return !held_; });
    change(heard_);
    changed_.notify_all();
  }
  /// Whether `met(heard)` became true in time.
  template <class Condition>
  bool wait(Condition met, std::chrono::milliseconds bound = 10s) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, bound, [&] { return met(heard_); });
  }
  template <class Look>
  auto look(Look look_at) {
    std::lock_guard guard{mutex_};
    return look_at(heard_);
  }
  /// While held, the probe is stuck in its handler and its mailbox fills.
  void hold(bool on) {
    std::lock_guard guard{mutex_};
    held_ = on;
    changed_.notify_all();
  }
  std::size_t closed_count(channel_id channel) {
    return look([&](heard& h) {
      return static_cast<std::size_t>(
        std::count_if(h.closed.begin(), h.closed.end(), [&](auto& each) { return each.first == channel; }));
    });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  heard heard_;
  bool held_ = false;
};
using record_ptr = std::shared_ptr<record>;

inline transport_listener_actor::behavior_type probe_behavior(transport_listener_actor::pointer self, record_ptr notes) {
  self->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr&) { return caf::error{}; });
  return {
    [=](const channel_received& m) {
      notes->add([&](record::heard& h) {
        for (auto& run : m.datagrams.packets())
          for (auto& each : link::datagrams_of(run, m.run_bytes)) {
            h.datagram_bytes += each.size();
            h.datagrams.emplace_back(m.channel, to_bytes(each));
          }
      });
    },
    [=](const channel_closed& m) { notes->add([&](record::heard& h) { h.closed.emplace_back(m.channel, m.why); }); },
    [=](const channel_narrowed& m) { notes->add([&](record::heard& h) { h.narrowed.push_back(m); }); },
    [=](const channel_opened& m) { notes->add([&](record::heard& h) { h.opened.push_back(m); }); },
    [=](const transport_started& m) { notes->add([&](record::heard& h) { h.started.push_back(m.transport); }); },
  };
}

struct probe {
  record_ptr notes = std::make_shared<record>();
  transport_listener_actor actor;
};

struct transport_end {
  probe listener;
  transport_actor transport;
};

inline caf::actor_system_config& configured(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", 4);
  return config;
}

class transport_world {
public:
  /// `rules`: by default strangers may send any bytes, as many as come.
  explicit transport_world(transports::stranger_rules rules = {}) : catalog_{transports::production_catalog(rules)} {}
  ~transport_world() {
    for (auto& each : actors_) caf::anon_send_exit(each, caf::exit_reason::kill);
    actors_.clear();
    asker_.reset();
    system_.await_all_actors_done();
  }

  probe make_probe() {
    probe out;
    out.actor = system_.spawn(probe_behavior, out.notes);
    actors_.push_back(caf::actor_cast<caf::actor>(out.actor));
    return out;
  }
  transport_end open(const std::string& scheme, std::optional<channel_uri> listen = std::nullopt) {
    transport_end out{make_probe(), {}};
    out.transport = catalog_.at(scheme)(system_, std::move(listen), out.listener.actor, world_);
    actors_.push_back(caf::actor_cast<caf::actor>(out.transport));
    return out;
  }
  /// Sends `message` and waits for the answer.
  template <class Answer, class Handle, class Message>
  result<Answer> ask(const Handle& to, Message message, duration patience = 10s) {
    result<Answer> out{error_code::failed, "no answer"};
    (*asker_)
      ->request(to, patience, std::move(message))
      .receive([&](Answer& answer) { out = std::move(answer); }, [&](caf::error& why) { out = from_caf(why); });
    return out;
  }
  result<channel_opened> dial(const transport_end& from, const channel_uri& to, duration patience = 10s) {
    return ask<channel_opened>(from.transport, connect_channel{to}, patience);
  }
  channel_uri place_of(const transport_end& end) {
    auto answer = ask<listening_on>(end.transport, get_listening{});
    REQUIRE(answer.ok());
    REQUIRE(answer->uris.size() == 1);
    return answer->uris.front();
  }
  template <class Handle, class Message>
  void tell(const Handle& to, Message message) {
    caf::anon_send(to, std::move(message));
  }
  void tell_all(const transport_actor& to, channel_id channel, std::vector<byte_string> datagrams) {
    tell(to, send_on_channel{channel, packet_batch{std::move(datagrams)}});
  }
  void claim(const transport_end& end, channel_id channel, const probe& owner) {
    tell(end.transport, claim_channel{channel, caf::actor_cast<caf::strong_actor_ptr>(owner.actor)});
  }
  template <class Handle>
  void kill(const Handle& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
  }
  template <class Handle>
  error await_death(const Handle& actor) {
    caf::scoped_actor watcher{system_};
    watcher->monitor(actor);
    error why{error_code::failed, "lives"};
    watcher->receive([&](const caf::down_msg& down) { why = from_caf(down.reason); },
                     caf::after(std::chrono::seconds{10}) >> [] {});
    return why;
  }
  caf::actor_system& system() { return system_; }
  const surroundings& world() const { return world_; }

private:
  caf::actor_system_config config_;
  caf::actor_system system_{configured(config_)};
  host::event_loop loop_{system_};
  surroundings world_ = host::system_surroundings(loop_);
  transport_catalog catalog_;
  std::vector<caf::actor> actors_;
  std::optional<caf::scoped_actor> asker_{std::in_place, system_};
};

/// A temporary directory that goes with its object.
class scratch_directory {
public:
  scratch_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "glow-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  std::string path;
};

inline channel_uri uri(const std::string& text) {
  auto parsed = parse_channel_uri(text);
  REQUIRE(parsed.ok());
  return *parsed;
}

inline byte_string numbered(std::uint32_t number, std::size_t size) {
  byte_string out;
  append_le(out, number);
  out.resize(std::max<std::size_t>(size, 4), static_cast<std::uint8_t>(number));
  return out;
}

} // namespace glow::test
