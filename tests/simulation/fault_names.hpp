/// The kinds of fault that a simulated run may have.
#pragma once

#include "runtime/base/result.hpp"

#include <set>
#include <string>
#include <vector>

namespace glow::simulation {

/// Every kind, by name, as `--faults` takes them:
///   loss duplication reordering corruption   of datagrams, on every cable
///   cuts       one cable, in one direction or both, for seconds
///   partitions the mesh in two, for up to a minute
///   swizzle    a random subset of cables is cut one by one and restored in another order
///   crashes    kill -9 with loss of power; writes after the last sync survive in part
///   departures a goodbye and an orderly stop; the node comes back minutes later
///   sleeps     a closed lid: nothing runs and nothing is heard for seconds to half a day
///   actors     one actor of one node is killed
///   floods     thousands of messages that it does not know in the mailbox of one actor
///   clocks     calendars jump by minutes and drift
///   disks      a full disk for a while
///   slowness   each access to the disk takes up to a second for a while
///   rot        one bit of one stored chunk flips, of which another member has a copy
const std::vector<std::string>& fault_names();
/// `none`, `default` (all) or names with commas between. Errors: `usage`.
result<std::set<std::string>> parse_faults(const std::string& text);

} // namespace glow::simulation
