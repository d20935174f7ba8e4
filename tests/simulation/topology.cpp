#include "tests/simulation/topology.hpp"

#include "tests/simulation/medium_profile.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>

namespace glow::simulation {
namespace {

constexpr std::size_t cluster_size = 8;
constexpr std::size_t random_degree = 4;

topology home() {
  return {{"nas", "laptop", "phone", "vps", "desk", "bench"},
          {{0, 1, "wifi"},
           {0, 2, "wifi"},
           {0, 4, "lan"},
           {0, 5, "lan"},
           {4, 5, "lan"},
           {1, 4, "wifi"},
           {0, 3, "dsl"},
           {2, 3, "lte"},
           {3, 4, "tcp-wan"},
           {4, 5, "tty-9600"},
           {1, 3, "drop"}},
          {{0, {nat_box::kind::port_restricted, 120s}}, // the router at home, and the provider's box for phones
           {4, {nat_box::kind::port_restricted, 120s}},
           {2, {nat_box::kind::symmetric, 30s}}}};
}

std::optional<nat_box::kind> nat_kind(const std::string& name) {
  if (name == "endpoint-independent") return nat_box::kind::endpoint_independent;
  if (name == "port-restricted") return nat_box::kind::port_restricted;
  if (name == "symmetric") return nat_box::kind::symmetric;
  return std::nullopt;
}

topology numbered(std::size_t nodes) {
  topology out;
  for (std::size_t i = 0; i < nodes; ++i) out.machines.push_back("n" + std::to_string(i));
  return out;
}

class cable_layer {
public:
  cable_layer(topology& into, random_source& random) : into_{into}, random_{random} {}
  bool lay(std::size_t a, std::size_t b, std::string_view profile = {}) {
    if (a == b || !laid_.insert(std::minmax(a, b)).second) return false;
    static constexpr std::array<std::string_view, 5> wide{"lan", "wifi", "dsl", "lte", "tcp-wan"};
    auto name = profile.empty() ? wide[random_.next_below(wide.size())] : profile;
    into_.cables.push_back({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b), std::string{name}});
    return true;
  }

private:
  topology& into_;
  random_source& random_;
  std::set<std::pair<std::size_t, std::size_t>> laid_;
};

void lay_random(cable_layer& layer, std::size_t nodes, random_source& random) {
  for (std::size_t i = 1; i < nodes; ++i) layer.lay(i, random.next_below(i)); // a tree: connected
  auto wanted = nodes * random_degree / 2;
  auto possible = nodes * (nodes - 1) / 2;
  for (std::size_t laid = nodes - 1; laid < std::min(wanted, possible);)
    if (layer.lay(random.next_below(nodes), random.next_below(nodes))) ++laid;
}

void lay_clusters(cable_layer& layer, std::size_t nodes) {
  for (std::size_t head = 0; head < nodes; head += cluster_size) {
    for (std::size_t i = head + 1; i < std::min(nodes, head + cluster_size); ++i) layer.lay(head, i, "lan");
    auto next = head + cluster_size < nodes ? head + cluster_size : 0;
    layer.lay(head, next, "dsl");
  }
}

result<topology> read_file(const std::string& path) {
  std::ifstream in{path};
  if (!in) return error{error_code::usage, "no topology '" + path + "': home, line, ring, random, clusters or a file's path"};
  topology out;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::istringstream words{line.substr(0, line.find('#'))};
    std::string what, a, b, profile;
    if (!(words >> what)) continue;
    auto where = path + ":" + std::to_string(number) + ": ";
    auto number_of = [&](const std::string& name) {
      return std::find(out.machines.begin(), out.machines.end(), name) - out.machines.begin();
    };
    if (what == "machine" && words >> a) {
      out.machines.push_back(a);
    } else if (what == "cable" && words >> a >> b >> profile) {
      auto first = static_cast<std::size_t>(number_of(a)), second = static_cast<std::size_t>(number_of(b));
      if (first == out.machines.size() || second == out.machines.size())
        return error{error_code::usage, where + "no machine of that name"};
      if (!find_profile(profile)) return error{error_code::usage, where + "no medium '" + profile + "'"};
      out.cables.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(second), profile});
    } else if (double seconds = 0; what == "nat" && words >> a >> b >> seconds && nat_kind(b) && seconds > 0) {
      auto machine = static_cast<std::size_t>(number_of(a));
      if (machine == out.machines.size()) return error{error_code::usage, where + "no machine of that name"};
      out.nats.push_back(
        {static_cast<std::uint32_t>(machine), {*nat_kind(b), duration{static_cast<std::int64_t>(std::min(seconds, 1e6) * 1e9)}}});
    } else {
      return error{error_code::usage, where
                                        + "'machine NAME', 'cable NAME NAME MEDIUM', or 'nat NAME "
                                          "endpoint-independent|port-restricted|symmetric SECONDS'"};
    }
  }
  if (out.machines.size() < 2) return error{error_code::usage, path + ": fewer than two machines"};
  return out;
}

} // namespace

result<topology> make_topology(const std::string& kind, std::size_t nodes, random_source& random) {
  if (kind == "home") return home();
  if (kind != "line" && kind != "ring" && kind != "random" && kind != "clusters") return read_file(kind);
  if (nodes < 2) return error{error_code::usage, "a mesh has two nodes at least"};
  auto out = numbered(nodes);
  cable_layer layer{out, random};
  if (kind == "line" || kind == "ring")
    for (std::size_t i = 1; i < nodes; ++i) layer.lay(i - 1, i);
  if (kind == "ring" && nodes > 2) layer.lay(nodes - 1, 0);
  if (kind == "random") lay_random(layer, nodes, random);
  if (kind == "clusters") lay_clusters(layer, nodes);
  return out;
}

} // namespace glow::simulation
