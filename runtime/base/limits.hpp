/// Bounds that every room shares, with their reasons. Each room has its own limits.hpp beside this one: a queue, retry, buffer or
/// loop without a line in one of them is a defect.
#pragma once

#include "runtime/base/time.hpp"

#include <cstddef>
#include <cstdint>

namespace glow::limits {

// ---- base --------------------------------------------------------------------------------------------------------------
/// Cap'n Proto words that one untrusted message may make a reader touch (8 MiB): stops amplification by pointers.
inline constexpr std::uint64_t capnp_traversal_words = 1u << 20;
/// Nesting of one untrusted Cap'n Proto message.
inline constexpr int capnp_nesting_levels = 32;
/// Longest channel URI: longer ones are mistakes or attacks.
inline constexpr std::size_t uri_bytes_max = 1024;
/// Longest name of a node, as people type it.
inline constexpr std::size_t node_name_bytes_max = 63;
/// Longest path inside a namespace (PATH_MAX of Linux).
inline constexpr std::size_t path_bytes_max = 4096;
/// Longest name of one path component (NAME_MAX of Linux).
inline constexpr std::size_t name_bytes_max = 255;

// ---- channels ----------------------------------------------------------------------------------------------------------
/// Datagram that every IPv6 path carries: 1280 less 40 (IPv6) less 8 (UDP). Larger ones wait for MTU probing.
inline constexpr std::size_t udp_datagram_bytes_max = 1232;
/// Frame on byte channels (tcp, unix) and on the loopback: amortises the cipher's set-up, keeps queues short.
inline constexpr std::size_t frame_bytes_max = 65535;
/// A connection that has not come about by then is given up.
inline constexpr duration connect_timeout = 5s;

} // namespace glow::limits
