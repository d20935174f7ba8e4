/// Enters a named network namespace, as `ip netns exec` does. Refuses to make one: tools/bench does.
#pragma once

#include "runtime/base/result.hpp"

#include <string>

namespace glow::benchmarks {

/// Sockets that the calling thread opens from now on belong to /run/netns/NAME; an empty name changes nothing.
/// Errors: `io` (no such namespace, not root).
result<void> enter_network_namespace(const std::string& name);

} // namespace glow::benchmarks
