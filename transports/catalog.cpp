#include "transports/catalog.hpp"

#include "runtime/link/acceptor.hpp"
#include "transports/exec.hpp"
#include "transports/loopback.hpp"
#include "transports/tcp.hpp"
#include "transports/transport.hpp"
#include "transports/tty.hpp"
#include "transports/udp.hpp"
#include "transports/unix.hpp"

namespace glow::transports {
namespace {

using medium_maker = std::function<std::unique_ptr<medium>(const loop_place& place, std::optional<channel_uri> listen)>;

transport_factory runs(std::string scheme, medium_maker make) {
  return [scheme = std::move(scheme), make = std::move(make)](caf::actor_system& system, std::optional<channel_uri> listen,
                                                              transport_listener_actor listener,
                                                              const surroundings& world) -> transport_actor {
    medium_factory make_here = [make, listen = std::move(listen)](const loop_place& place) { return make(place, listen); };
    return spawn_on_loop(system, world.loop(), transport_behavior, scheme, std::move(make_here), std::move(listener), world);
  };
}

} // namespace

stranger_rules production_stranger_rules() { return {link::may_be_heeded, limits::stranger_datagrams_per_s}; }

transport_catalog production_catalog(stranger_rules rules) {
  transport_catalog out;
  auto add = [&](const std::string& scheme, medium_maker make) { out.emplace(scheme, runs(scheme, std::move(make))); };
  auto in_process = [hub = make_loopback_hub()](const loop_place& place, std::optional<channel_uri> listen) {
    return make_loopback(place, std::move(listen), hub);
  };
  add("loopback", in_process);
  add("udp",
      [rules](const loop_place& place, std::optional<channel_uri> listen) { return make_udp(place, std::move(listen), rules); });
  add("tcp", make_tcp);
  add("unix", make_unix);
  add("tty", make_tty);
  add("exec", make_exec);
  add("stdio", make_stdio);
  return out;
}

} // namespace glow::transports
