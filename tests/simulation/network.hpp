/// The wires of a simulated mesh: cables between machines, each with a medium's latency, loss, rate and queue in both
/// directions, and with faults on top. Carries bytes only. Refuses to know actors: simulated_medium sits on top.
#pragma once

#include "runtime/base/bytes.hpp"
#include "tests/simulation/engine.hpp"
#include "tests/simulation/medium_profile.hpp"

#include <map>
#include <set>

namespace glow::simulation {

/// A machine of the mesh, from 0.
using machine_number = std::uint32_t;

/// Where every simulated medium listens.
inline constexpr std::uint16_t listening_port = 7;

/// A NAT box between a machine and all its wide-area cables (RFC 4787): datagrams from outside pass only where a mapping is
/// alive and its filter allows them; byte streams only when opened from inside.
struct nat_box {
  enum class kind : std::uint8_t {
    endpoint_independent, ///< one mapping for all destinations, open to everybody
    port_restricted,      ///< one mapping for all, open to places that were written to
    symmetric,            ///< a mapping for each destination, open to it alone
  };
  kind what = kind::endpoint_independent;
  duration mapping_life = 30s; ///< after the last datagram from inside
};

/// What goes over a cable. `datagram` is all that datagram media use; the rest makes a byte-stream medium of it.
struct frame {
  enum class kind : std::uint8_t { datagram, open, accept, refuse, data, close };
  kind what = kind::datagram;
  std::uint64_t connection = 0;
  byte_string bytes;
  std::uint16_t from_port = listening_port; ///< as the receiver sees it: a NAT box may have changed it
  std::uint16_t to_port = listening_port;
};

class frame_receiver {
public:
  virtual void on_frame(machine_number from, frame arrived) = 0;
  /// The carrier of the cable to that machine is gone: the interface says so.
  virtual void on_carrier_lost(machine_number) {}

protected:
  ~frame_receiver() = default;
};

/// Faults that hold for every cable; shares are per datagram on media that are not reliable.
struct wire_faults {
  double extra_loss = 0;
  double duplication = 0;
  double reordering = 0; ///< held back for up to reordering_delay
  double corruption = 0; ///< one bit flips
};

class network {
public:
  network(engine& runs, std::uint64_t seed) : engine_{runs}, random_{seed ^ 0x7769726573ULL} {}

  /// Lays a cable; several between two machines must differ in scheme. Returns its number.
  std::size_t lay(machine_number a, machine_number b, medium_profile profile);
  std::size_t cables() const { return cables_.size(); }
  machine_number end_of(std::size_t cable, int which) const { return which == 0 ? cables_[cable].a : cables_[cable].b; }
  const medium_profile& profile_of(std::size_t cable) const { return cables_[cable].profile; }
  /// Is there a cable of this scheme between the two, cut or not?
  const medium_profile* profile_between(machine_number a, machine_number b, const std::string& scheme) const;
  /// Whether bytes pass now, in that direction.
  bool passes(std::size_t cable, int from_end) const { return !cables_[cable].cut[from_end] && !off(cables_[cable]); }

  /// Cuts or restores one direction (0: from a, 1: from b).
  void cut(std::size_t cable, int from_end, bool on);
  void cut_both(std::size_t cable, bool on) { cut(cable, 0, on), cut(cable, 1, on); }
  /// Cuts both directions, and both ends are told at once, as when an interface goes down.
  void break_carrier(std::size_t cable);
  void set_faults(const wire_faults& faults) { faults_ = faults; }
  /// A machine that sleeps neither sends nor hears.
  void switch_off(machine_number machine, bool off);
  void set_nat(machine_number machine, const nat_box& box) { nats_[machine].box = box; }

  /// A machine's receiver for a scheme; nothing arrives while there is none (the process is dead).
  void attach(machine_number at, const std::string& scheme, frame_receiver* receiver);
  void detach(machine_number at, const std::string& scheme, const frame_receiver* receiver);
  void send(machine_number from, machine_number to, const std::string& scheme, frame what);

  /// Sees every frame that is put on a wire, before faults.
  using tap = std::function<void(std::size_t cable, int from_end, const frame& what)>;
  void set_tap(tap watcher) { tap_ = std::move(watcher); }
  std::uint64_t bytes_carried() const { return bytes_carried_; }

private:
  struct laid_cable {
    machine_number a, b;
    medium_profile profile;
    bool cut[2] = {false, false};
    steady_time wire_free[2]{};    ///< when the last queued bit has left
    steady_time last_arrival[2]{}; ///< reliable media keep their order
  };
  struct nat_mapping {
    machine_number to = 0; ///< symmetric ones only
    std::uint16_t port = 0;
    steady_time until{};
    std::set<std::pair<machine_number, std::uint16_t>> written_to;
  };
  struct nat_state {
    nat_box box;
    std::vector<nat_mapping> mappings;
    std::uint16_t last_port = 40000;
  };
  bool off(const laid_cable& cable) const { return off_.contains(cable.a) || off_.contains(cable.b); }
  nat_state* nat_of(machine_number machine, const laid_cable& cable);
  void leave_nat(nat_state& nat, machine_number to, frame& what);
  bool enter_nat(nat_state& nat, machine_number from, frame& what);
  laid_cable* find(machine_number from, machine_number to, const std::string& scheme, int& from_end);
  void arrive(machine_number from, machine_number to, const std::string& scheme, frame what);
  void schedule(steady_time when, machine_number from, machine_number to, const std::string& scheme, frame what);

  engine& engine_;
  seeded_random random_;
  wire_faults faults_;
  std::vector<laid_cable> cables_;
  std::map<std::tuple<machine_number, machine_number, std::string>, std::size_t> index_; ///< lower machine first
  std::map<std::pair<machine_number, std::string>, frame_receiver*> receivers_;
  std::map<machine_number, nat_state> nats_;
  std::set<machine_number> off_;
  tap tap_;
  std::uint64_t bytes_carried_ = 0;
};

} // namespace glow::simulation
