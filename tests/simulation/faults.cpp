#include "tests/simulation/faults.hpp"

#include "actors/link/links.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <cmath>

namespace glow::simulation {
namespace {

constexpr std::size_t rot_candidates_max = 64;
constexpr std::size_t flood_messages = 5000;
constexpr double nodes_of_a_home = 6;
/// Of a mesh larger than this every strike moves the more routes: there strikes are as rare as it is large, so that a run costs
/// the same for each node, and the mesh comes to rest in between, as real ones do.
constexpr double nodes_of_a_small_mesh = 10;
/// Cables that a swizzle takes at the most, about.
constexpr std::size_t cables_swizzled = 10;

} // namespace

fault_injector::fault_injector(simulated_mesh& mesh, std::set<std::string> kinds, std::uint64_t seed, duration pace)
  : mesh_{mesh}, kinds_{std::move(kinds)}, random_{seed ^ 0x6661756c7473ULL}, pace_{pace} {}

void fault_injector::told(const std::string& what) {
  if (tell_) tell_(what);
}

void fault_injector::begin() {
  striking_ = true;
  auto has = [&](const char* name) { return kinds_.contains(name); };
  mesh_.wires().set_faults(
    {has("loss") ? 0.01 : 0, has("duplication") ? 0.01 : 0, has("reordering") ? 0.05 : 0, has("corruption") ? 0.002 : 0});
  if (has("clocks"))
    for (std::size_t i = 0; i < mesh_.size(); ++i) mesh_.at(i).clock->drift = (random_.next_unit() - 0.5) * 2e-4;
  for (auto kind : {"cuts", "partitions", "swizzle", "crashes", "departures", "actors", "clocks", "disks", "sleeps", "floods",
                    "slowness", "rot"})
    if (has(kind)) strike_later(kind);
}

void fault_injector::end() {
  striking_ = false;
  mesh_.wires().set_faults({});
  for (std::size_t i = 0; i < mesh_.wires().cables(); ++i) mesh_.wires().cut_both(i, false);
  for (std::size_t i = 0; i < mesh_.size(); ++i) {
    mesh_.at(i).disk->full = false;
    mesh_.at(i).disk->slow = false;
    mesh_.wake(i);
    mesh_.start(i);
  }
  told("all is repaired");
}

/// Exponentially distributed pauses: strikes are independent of each other.
void fault_injector::strike_later(const std::string& kind) {
  auto nodes = static_cast<double>(mesh_.size());
  auto strikes_all = kind == "partitions" || kind == "swizzle" || kind == "floods";
  auto share = nodes > nodes_of_a_small_mesh ? nodes / nodes_of_a_home : 1 / std::min(nodes, nodes_of_a_home);
  if (strikes_all) share = std::max(1.0, 4 * share);
  auto mean = static_cast<double>(pace_.count()) * share;
  auto pause = duration{static_cast<std::int64_t>(-std::log(1 - random_.next_unit()) * mean)};
  mesh_.runs().after(pause, [this, kind] {
    if (!striking_) return;
    strike(kind);
    strike_later(kind);
  });
}

void fault_injector::strike(const std::string& kind) {
  ++strikes_;
  auto node = some_node();
  auto& it = mesh_.at(node);
  if (kind == "cuts") {
    auto both = random_.next_below(2) == 0, forth = random_.next_below(2) == 0;
    return cut_for(random_.next_below(mesh_.wires().cables()), both || forth, both || !forth, 1s + up_to(20s));
  }
  if (kind == "partitions") return part();
  if (kind == "swizzle") return swizzle();
  if (kind == "actors") {
    if (auto victim = some_actor("death")) caf::anon_send_exit(victim, caf::exit_reason::kill);
    return;
  }
  if (kind == "floods") {
    if (random_.next_below(2) == 0) return flood_with_requests(node);
    if (auto victim = some_actor("flood"))
      for (std::size_t i = 0; i < flood_messages; ++i) caf::anon_send(victim, driver_work{});
    return;
  }
  if (kind == "rot") return rot(node);
  if (kind == "crashes") {
    if (!it.is_up()) return;
    told("crash of " + it.name);
    mesh_.crash(node, random_.next_below(1 + it.disk->database->undurable_writes()));
    mesh_.runs().after(500ms + up_to(20s), [this, node] { mesh_.start(node), told("restart"); });
  } else if (kind == "departures") {
    if (!it.is_up()) return;
    told("departure of " + it.name);
    mesh_.stop(node);
    mesh_.runs().after(5s + up_to(90s), [this, node] { mesh_.start(node), told("return"); });
  } else if (kind == "sleeps") {
    if (!it.is_awake()) return;
    told("sleep of " + it.name);
    mesh_.sleep(node);
    // mostly short, now and then longer than any session, lease or route lives; rarely, or in the end all sleep
    auto length = random_.next_below(32) == 0 ? 10min + up_to(96h) : 1s + up_to(3min);
    mesh_.runs().after(length, [this, node] {
      if (mesh_.at(node).asleep) mesh_.wake(node), told("awake");
    });
  } else if (kind == "slowness") {
    it.disk->slow = true;
    mesh_.runs().after(1s + up_to(20s), [this, node] { mesh_.at(node).disk->slow = false; });
  } else if (kind == "clocks") {
    it.clock->offset += duration{static_cast<std::int64_t>((random_.next_unit() - 0.5) * 600e9)};
  } else if (kind == "disks") {
    it.disk->full = true;
    mesh_.runs().after(1s + up_to(20s), [this, node] { mesh_.at(node).disk->full = false; });
  }
}

void fault_injector::cut_for(std::size_t cable, bool forth, bool back, duration time) {
  if (forth) mesh_.wires().cut(cable, 0, true);
  if (back) mesh_.wires().cut(cable, 1, true);
  told("cut of cable " + std::to_string(cable));
  mesh_.runs().after(time, [this, cable, forth, back] {
    if (forth) mesh_.wires().cut(cable, 0, false);
    if (back) mesh_.wires().cut(cable, 1, false);
    told("repair of cable " + std::to_string(cable));
  });
}

void fault_injector::part() {
  std::vector<bool> side(mesh_.size());
  for (std::size_t i = 0; i < side.size(); ++i) side[i] = random_.next_below(2) == 0;
  auto time = 2s + up_to(60s);
  for (std::size_t i = 0; i < mesh_.wires().cables(); ++i)
    if (side[mesh_.wires().end_of(i, 0)] != side[mesh_.wires().end_of(i, 1)]) cut_for(i, true, true, time);
}

void fault_injector::swizzle() {
  std::vector<std::size_t> chosen;
  const auto one_in = std::max<std::size_t>(2, mesh_.wires().cables() / cables_swizzled);
  for (std::size_t i = 0; i < mesh_.wires().cables(); ++i)
    if (random_.next_below(one_in) == 0) chosen.push_back(i);
  duration at{};
  for (auto each : chosen) {
    at += up_to(2s);
    auto time = 3s + up_to(20s); // of its own length: they come back in another order
    mesh_.runs().after(at, [this, each, time] {
      if (striking_) cut_for(each, true, true, time);
    });
  }
}

/// Only where another member's disk has the chunk as it was: what its last holder loses, nobody can bring back.
void fault_injector::rot(std::size_t node) {
  auto& own = *mesh_.at(node).disk->database;
  std::vector<std::pair<byte_string, std::size_t>> rotten; // and who else has it
  (void)own.scan(store::family::chunks, {}, {}, [&](byte_view key, byte_view value) {
    for (std::size_t i = 0; i < mesh_.size(); ++i) {
      auto other = i == node ? result<std::optional<byte_string>>{std::nullopt}
                             : mesh_.at(i).disk->database->get(store::family::chunks, key);
      if (!other || !*other || !std::equal(value.begin(), value.end(), (*other)->begin(), (*other)->end())) continue;
      rotten.emplace_back(to_bytes(key), i);
      break;
    }
    return rotten.size() < rot_candidates_max;
  });
  if (rotten.empty()) return;
  auto& [key, holder] = rotten[random_.next_below(rotten.size())];
  // the holder's copy may be in its write cache still, and go with a crash
  if (!mesh_.at(holder).disk->database->write({}, store::durable::yes)) return;
  own.rot(store::family::chunks, key, random_.next_u64());
  told("rot on " + mesh_.at(node).name);
}

/// A program on the node that asks another one far more than either can take.
void fault_injector::flood_with_requests(std::size_t node) {
  auto to = some_node();
  if (!mesh_.at(node).is_awake() || !mesh_.at(node).parts.endpoint || to == node) return;
  told("flood of requests from " + mesh_.at(node).name + " to " + mesh_.at(to).name);
  for (std::size_t i = 0; i < flood_messages; ++i)
    mesh_.ask<response>(mesh_.at(node).parts.endpoint, 30s,
                        send_request{mesh_.id_of(to), static_cast<request_method>(4001), byte_string(100), 5s}, [](response&) {});
}

caf::actor fault_injector::some_actor(const std::string& what_happens) {
  auto node = some_node();
  std::vector<std::pair<std::string, caf::strong_actor_ptr>> victims;
  auto& parts = mesh_.at(node).parts;
  if (!mesh_.at(node).is_awake() || !parts.links) return nullptr;
  auto add = [&](const char* name, const auto& handle) {
    if (handle) victims.emplace_back(name, caf::actor_cast<caf::strong_actor_ptr>(handle));
  };
  add("namespace", parts.name_space);
  add("router", parts.router);
  add("endpoint", parts.endpoint);
  add("store", parts.store);
  add("jobs", parts.jobs);
  add("mail", parts.mail);
  add("links", parts.links);
  if (auto* links = simulated_mesh::state_of<links_self>(parts.links)) {
    for (auto& [id, each] : links->links) add("link", each.actor);
    for (auto& [id, each] : links->transports) add("transport", each.actor);
  }
  auto& [name, victim] = victims[random_.next_below(victims.size())];
  told(what_happens + " of " + mesh_.at(node).name + "'s " + name);
  return caf::actor_cast<caf::actor>(victim);
}

} // namespace glow::simulation
