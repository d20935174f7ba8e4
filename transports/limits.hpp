/// Bounds of channels and discovery, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

// ---- channels ----------------------------------------------------------------------------------------------------------
/// Bytes that wait in one channel for the kernel; beyond it datagrams are dropped and the streams above slow down.
inline constexpr std::size_t channel_queue_bytes_max = 4u << 20;
/// Channels of strangers (not yet claimed by a link) that one transport keeps; the oldest goes first.
inline constexpr std::size_t unclaimed_channels_max = 256;
/// A stranger's channel must have become a link within this time.
inline constexpr duration unclaimed_channel_life = 5s;
/// Datagrams that unclaimed channels of one transport may bring in a second, and at once: a mesh of a thousand that starts, and
/// two per cent of what a core does.
inline constexpr std::uint64_t stranger_datagrams_per_s = 2000;
inline constexpr std::uint64_t stranger_datagrams_burst = 500;
/// Pause before a listener whose accept() failed for want of descriptors or memory tries again.
inline constexpr duration accept_pause = 200ms;
/// Bytes read from the wire that wait in mailboxes behind one transport; beyond it reading pauses, so that the kernel's
/// buffers (and TCP's window) hold the sender back.
inline constexpr std::size_t transport_bytes_in_flight_max = 8u << 20;
/// How soon a paused transport looks again whether it may read.
inline constexpr duration read_pause = 1ms;
/// One stream socket's read at a time; a fast sender fills it in one system call.
inline constexpr std::size_t stream_read_bytes = 128u << 10;
/// Datagrams of on-machine UDP peers: the loopback's MTU is 65536, and the cipher runs 1.6 times as fast at 16 KB as at
/// 1.2 KB, while four of them still fit one segmented send.
inline constexpr std::size_t udp_on_machine_datagram_bytes_max = 16000;
/// Datagrams (kernel-coalesced runs count as one) that one receive call may bring, and calls in one readable event.
inline constexpr std::size_t udp_receive_messages_max = 16;
inline constexpr std::size_t udp_receive_rounds_max = 4;
/// Runs of datagrams that one send call may take.
inline constexpr std::size_t udp_send_messages_max = 32;
/// Segments of one segmented send (UDP_MAX_SEGMENTS of older kernels).
inline constexpr std::size_t udp_segments_max = 64;
/// Times that a datagram is handed to the kernel again after an error that may have been another remote's.
inline constexpr std::size_t udp_send_retries = 3;
/// ICMP errors taken from a socket in one turn.
inline constexpr std::size_t udp_errors_per_turn = 64;
/// Kernel buffers we ask for on each datagram socket; what the system allows is less for an ordinary user.
inline constexpr int udp_socket_buffer_bytes = 4 << 20;
/// How long a closed stream channel may flush and wait for the other end's close.
inline constexpr duration channel_flush_timeout = 1s;
/// Accepted in one turn of the loop; the rest waits in the kernel's backlog.
inline constexpr std::size_t accepts_per_turn = 64;
inline constexpr int listen_backlog = 1024;
/// Addresses of one host name that are tried in turn.
inline constexpr std::size_t resolved_addresses_max = 8;
/// One read of a serial line, and reads in one turn of the loop.
inline constexpr std::size_t serial_read_bytes = 4096;
inline constexpr std::size_t serial_read_rounds_max = 4;
/// How soon a listening serial line is looked for that went away (a plug that was pulled).
inline constexpr duration serial_reopen_pause = 1s;
/// A dialled serial line is held so long after its last channel: longer than any pause between two dials, so that the ends
/// of a line hear each other even if they never dial at the same time.
inline constexpr duration serial_held_for = 70s;
/// Of a command's stderr: longest line that is kept, and lines that are logged in so much time; a command in a loop of errors
/// must not fill the disk.
inline constexpr std::size_t command_line_bytes_max = 500;
inline constexpr std::size_t command_lines_max = 60;
inline constexpr duration command_lines_time = 1min;
/// A command has ended when its output, its stderr and its process have; so long after the first of them it has anyway.
inline constexpr duration command_end_patience = 500ms;

// ---- identity ----------------------------------------------------------------------------------------------------------
/// Changes of interfaces come in flocks (link, address, route): looked at once they pause for this long.
inline constexpr duration interfaces_quiet_time = 50ms;
/// Addresses of this machine that are looked at: a host with more has other troubles.
inline constexpr std::size_t interface_addresses_max = 4096;
/// Interfaces on which beacons are sent.
inline constexpr std::size_t beacon_interfaces_max = 64;

} // namespace glow::limits
