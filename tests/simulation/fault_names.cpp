#include "tests/simulation/fault_names.hpp"

#include <algorithm>
#include <sstream>

namespace glow::simulation {

const std::vector<std::string>& fault_names() {
  static const std::vector<std::string> names{"loss",    "duplication", "reordering", "corruption", "cuts",   "partitions",
                                              "swizzle", "crashes",     "departures", "sleeps",     "actors", "floods",
                                              "clocks",  "disks",       "slowness",   "rot"};
  return names;
}

result<std::set<std::string>> parse_faults(const std::string& text) {
  auto& names = fault_names();
  if (text == "none") return std::set<std::string>{};
  if (text == "default") return std::set<std::string>{names.begin(), names.end()};
  std::set<std::string> out;
  std::istringstream words{text};
  for (std::string word; std::getline(words, word, ',');) {
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      std::string known;
      for (auto& each : names) known += " " + each;
      return error{error_code::usage, "no fault '" + word + "'; there are none, default and:" + known};
    }
    out.insert(word);
  }
  return out;
}

} // namespace glow::simulation
