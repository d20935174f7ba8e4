/// What goes wrong in a simulated run, and when: each kind of fault strikes at random times until it is told to end, and
/// ends its own damage some time later. Refuses to judge: checkers do.
#pragma once

#include "tests/simulation/fault_names.hpp"
#include "tests/simulation/simulated_mesh.hpp"

#include <set>
#include <string>
#include <vector>

namespace glow::simulation {

class fault_injector {
public:
  /// `pace`: mean pause between two strikes of one kind on one node; a mesh larger than a home is struck as often as a home.
  fault_injector(simulated_mesh& mesh, std::set<std::string> kinds, std::uint64_t seed, duration pace);
  void begin();
  /// No new damage; what is damaged is repaired at once.
  void end();
  /// Called after each change of who is up or which cables pass.
  void on_change(std::function<void(const std::string& what)> tell) { tell_ = std::move(tell); }
  std::uint64_t strikes() const { return strikes_; }

private:
  void strike_later(const std::string& kind);
  void strike(const std::string& kind);
  void cut_for(std::size_t cable, bool forth, bool back, duration time);
  void swizzle();
  void part();
  void rot(std::size_t node);
  void flood_with_requests(std::size_t node);
  /// One actor of some node, links and transports among them, told as `what happens to NODE's ACTOR`; null: none is up.
  caf::actor some_actor(const std::string& what_happens);
  void told(const std::string& what);
  std::size_t some_node() { return random_.next_below(mesh_.size()); }
  duration up_to(duration most) {
    return duration{static_cast<std::int64_t>(random_.next_below(static_cast<std::uint64_t>(most.count())))};
  }

  simulated_mesh& mesh_;
  std::set<std::string> kinds_;
  seeded_random random_;
  duration pace_;
  bool striking_ = false;
  std::uint64_t strikes_ = 0;
  std::function<void(const std::string&)> tell_;
};

} // namespace glow::simulation
