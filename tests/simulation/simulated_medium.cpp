#include "tests/simulation/simulated_medium.hpp"

#include "transports/transport.hpp"

#include <unordered_map>

namespace glow::simulation {
namespace {

/// A connection that nobody accepts is given up after this, as transports do.
constexpr duration connect_patience = 5s;

class simulated_medium final : public transports::medium, private frame_receiver {
public:
  simulated_medium(network& wires, engine& runs, machine_number here, std::string scheme,
                   std::shared_ptr<const bool> process_alive)
    : network_{wires}, engine_{runs}, here_{here}, scheme_{std::move(scheme)}, process_alive_{std::move(process_alive)} {}
  ~simulated_medium() override {
    network_.detach(here_, scheme_, this);
    *alive_ = false;
  }

  result<void> start(transports::medium_listener& listener) override {
    if (!*process_alive_) return error{error_code::io, "the process is dead"};
    events_ = &listener;
    network_.attach(here_, scheme_, this);
    return {};
  }

  void connect(const channel_uri& remote, connected tell) override {
    auto there = machine_of(remote);
    auto* profile = there && *there != here_ ? network_.profile_between(here_, *there, scheme_) : nullptr;
    if (profile == nullptr)
      return tell(error{error_code::unreachable, "cannot connect to " + to_string(remote) + ": no route to host"});
    if (!profile->reliable) {
      if (auto id = find(*there, 0, remote.port)) return tell(channel_opened{id, channels_.at(id).remote, traits(*profile)});
      auto id = ++last_id_;
      channels_.emplace(id, pipe{*there, 0, true, remote});
      return tell(channel_opened{id, remote, traits(*profile)});
    }
    auto id = ++last_id_;
    auto connection = (static_cast<std::uint64_t>(here_) << 32) | id;
    channels_.emplace(id, pipe{*there, connection, false, remote});
    dials_.emplace(id, std::move(tell));
    transmit(*there, scheme_, {.what = frame::kind::open, .connection = connection, .bytes = {}});
    engine_.after(connect_patience, [this, id, alive = alive_] {
      if (*alive) fail_dial(id, error_code::timed_out, "no answer within 5 s");
    });
  }

  void send(channel_id channel, const packet_batch& datagrams) override {
    auto found = channels_.find(channel);
    if (found == channels_.end() || !found->second.open) return;
    auto* profile = network_.profile_between(here_, found->second.far, scheme_);
    for (auto& each : datagrams.packets()) {
      if (each.empty() || each.size() > std::max(profile->datagram_bytes_max, profile->datagram_bytes_ceiling)) continue;
      if (profile->path_bytes_max != 0 && each.size() > profile->path_bytes_max) continue;
      transmit(found->second.far, scheme_,
               {.what = profile->reliable ? frame::kind::data : frame::kind::datagram,
                .connection = found->second.connection,
                .bytes = each,
                .to_port = static_cast<std::uint16_t>(found->second.remote.port)});
    }
  }

  void close(channel_id channel) override {
    auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    if (found->second.connection != 0)
      transmit(found->second.far, scheme_, {.what = frame::kind::close, .connection = found->second.connection, .bytes = {}});
    channels_.erase(found);
    dials_.erase(channel);
  }
  void drop(channel_id channel) override { close(channel); }
  std::vector<channel_uri> listening() const override { return {place_of(here_, scheme_)}; }

private:
  struct pipe {
    machine_number far = 0;
    std::uint64_t connection = 0; ///< 0 on datagram media
    bool open = false;
    channel_uri remote;
  };

  void transmit(machine_number to, const std::string& scheme, frame what) {
    if (*process_alive_) network_.send(here_, to, scheme, std::move(what));
  }

  channel_traits traits(const medium_profile& of) const {
    channel_traits out{scheme_, of.datagram_bytes_max, of.reliable, of.on_link};
    out.is_line = of.declared_class == "control"; // as a serial line, it has two ends
    out.datagram_bytes_ceiling = of.datagram_bytes_ceiling;
    return out;
  }

  void fail_dial(channel_id id, error_code code, const std::string& why) {
    auto dialled = dials_.extract(id);
    if (dialled.empty()) return;
    auto remote = to_string(channels_.at(id).remote);
    channels_.erase(id);
    dialled.mapped()(error{code, "cannot connect to " + remote + ": " + why});
  }

  /// Connections are told apart by their number, datagram channels by the far place.
  channel_id find(machine_number from, std::uint64_t connection, std::uint16_t port) const {
    for (auto& [id, each] : channels_)
      if (each.far == from && each.connection == connection && (connection != 0 || each.remote.port == port)) return id;
    return 0;
  }

  /// An inbound channel, known to the listener above from now on.
  channel_id accept(machine_number from, std::uint64_t connection, std::uint16_t port) {
    auto* profile = network_.profile_between(here_, from, scheme_);
    auto id = ++last_id_;
    auto remote = place_of(from, scheme_, profile->declared_class);
    remote.port = port;
    channels_.emplace(id, pipe{from, connection, true, remote});
    events_->channel_accepted({id, remote, traits(*profile)});
    return id;
  }

  void on_frame(machine_number from, frame arrived) override {
    if (!*process_alive_) return;
    auto id = find(from, arrived.connection, arrived.from_port);
    switch (arrived.what) {
    case frame::kind::datagram:
      if (id == 0) id = accept(from, 0, arrived.from_port);
      return deliver(id, std::move(arrived.bytes));
    case frame::kind::open:
      transmit(from, scheme_, {.what = frame::kind::accept, .connection = arrived.connection, .bytes = {}});
      accept(from, arrived.connection, listening_port);
      return;
    case frame::kind::accept: {
      auto dialled = dials_.extract(id);
      if (dialled.empty()) return;
      auto& made = channels_.at(id);
      made.open = true;
      dialled.mapped()(channel_opened{id, made.remote, traits(*network_.profile_between(here_, from, scheme_))});
      return;
    }
    case frame::kind::data:
      if (id != 0) return deliver(id, std::move(arrived.bytes));
      transmit(from, scheme_, {.what = frame::kind::refuse, .connection = arrived.connection, .bytes = {}});
      return;
    case frame::kind::refuse:
    case frame::kind::close:
      if (id == 0) return;
      if (dials_.contains(id)) return fail_dial(id, error_code::unreachable, "connection refused");
      channels_.erase(id);
      events_->channel_broke(id, {error_code::unreachable, "the other end closed the channel"});
      return;
    }
  }

  void on_carrier_lost(machine_number far) override {
    if (!*process_alive_) return;
    std::vector<channel_id> broken;
    for (auto& [id, each] : channels_)
      if (each.far == far && each.open) broken.push_back(id);
    for (auto id : broken) {
      channels_.erase(id);
      events_->channel_broke(id, {error_code::unreachable, "the interface went down"});
    }
  }

  void deliver(channel_id id, byte_string bytes) {
    if (!channels_.contains(id) || bytes.empty() || !events_->wants_more()) return;
    std::vector<byte_string> one;
    one.push_back(std::move(bytes));
    events_->datagrams_arrived(id, std::move(one));
  }

  network& network_;
  engine& engine_;
  machine_number here_;
  std::string scheme_;
  std::shared_ptr<const bool> process_alive_;
  transports::medium_listener* events_ = nullptr;
  channel_id last_id_ = 0;
  std::map<channel_id, pipe> channels_;
  std::map<channel_id, connected> dials_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace

channel_uri place_of(machine_number machine, const std::string& scheme, const std::string& declared_class) {
  channel_uri out;
  out.scheme = scheme;
  out.host =
    "10." + std::to_string(machine >> 16) + "." + std::to_string((machine >> 8) & 0xff) + "." + std::to_string(machine & 0xff);
  out.port = listening_port;
  if (!declared_class.empty()) out.parameters["class"] = declared_class;
  return out;
}

std::optional<machine_number> machine_of(const channel_uri& place) {
  unsigned a = 0, b = 0, c = 0;
  if (std::sscanf(place.host.c_str(), "10.%u.%u.%u", &a, &b, &c) != 3) return std::nullopt;
  return (a << 16) | (b << 8) | c;
}

transport_catalog simulated_catalog(network& wires, engine& runs, machine_number machine, const std::vector<std::string>& schemes,
                                    std::shared_ptr<const bool> alive) {
  transport_catalog out;
  for (auto& scheme : schemes)
    out.emplace(scheme,
                [&wires, &runs, machine, scheme, alive](caf::actor_system& system, std::optional<channel_uri>,
                                                        transport_listener_actor listener,
                                                        const surroundings& world) -> transport_actor {
                  transports::medium_factory make = [&wires, &runs, machine, scheme, alive](const transports::loop_place&) {
                    return std::make_unique<simulated_medium>(wires, runs, machine, scheme, alive);
                  };
                  return spawn_on_loop(system, world.loop(), transports::transport_behavior, scheme, std::move(make),
                                       std::move(listener), world);
                });
  return out;
}

} // namespace glow::simulation
