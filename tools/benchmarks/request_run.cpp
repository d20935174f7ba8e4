#include "tools/benchmarks/request_run.hpp"

#include "actors/agent.hpp"
#include "transports/catalog.hpp"

#include <thread>

namespace glow::benchmarks {
namespace {

constexpr duration patience = 20s;
constexpr duration request_timeout = 10s;

/// A node of the mesh that can be reached now.
struct place {
  node_id node;
  std::size_t hops = 0;
};

/// Asks the embedded agent's actors, from outside, one question at a time.
class asker {
public:
  asker(caf::actor_system& system, const node_parts& parts) : self_{system}, parts_{parts} {}

  result<place> find(const std::string& name) {
    std::optional<place> found;
    self_->request(parts_.name_space, request_timeout, get_roster{})
      .receive(
        [&](const roster_changed& m) {
          for (auto& each : m.roster->members)
            if (each.name == name) found = place{each.id, 0};
        },
        [](const caf::error&) {});
    if (!found) return {error_code::not_found, "no node is called " + name};
    self_->request(parts_.router, request_timeout, get_routes{})
      .receive(
        [&](const route_list& m) {
          for (auto& each : m.routes)
            if (each.destination == found->node && each.feasible && each.traffic == traffic_class::interactive) found->hops = each.hops;
        },
        [](const caf::error&) {});
    if (found->hops == 0) return {error_code::unreachable, "no route to " + name};
    return *found;
  }

private:
  caf::scoped_actor self_;
  node_parts parts_;
};

} // namespace
} // namespace glow::benchmarks
