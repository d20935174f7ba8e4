/// Tells a service manager how this process fares: the datagram protocol of sd_notify(3), without libsystemd.
#pragma once

#include <string_view>

namespace glow::daemon {

/// Sends `state` (`READY=1`, `STOPPING=1`, `STATUS=…`) to $NOTIFY_SOCKET; does nothing without one. Never blocks.
void notify_service(std::string_view state);

} // namespace glow::daemon
