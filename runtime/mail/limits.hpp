/// Bounds of mailboxes, with their reasons.
#pragma once

#include "runtime/base/limits.hpp"

namespace glow::limits {

/// Body of one message: it travels as one request and is held whole in memory on its way; files are the store's business.
inline constexpr std::size_t mail_body_bytes_max = 1u << 20;
inline constexpr std::size_t box_name_bytes_max = 64;
/// Sealed letter: header, seal, box name and signature on top of the body, with room to spare.
inline constexpr std::size_t letter_bytes_max = mail_body_bytes_max + 1024;
/// How long a message is kept for its recipient: a holiday by default, three months at most.
inline constexpr duration letter_life_default = 14 * 24h;
inline constexpr duration letter_life_max = 90 * 24h;
inline constexpr duration letter_life_min = 1s;
/// A custodian holds letters no longer than this, whatever life they have.
inline constexpr duration custody_life_max = 14 * 24h;
/// Custodians that hold a copy of one letter: one of them may be lost, too.
inline constexpr std::size_t custodians_max = 2;
/// Letters of this node that wait for their recipients, and their bytes.
inline constexpr std::size_t outbox_letters_max = 4096;
inline constexpr std::uint64_t outbox_bytes_max = 256u << 20;
/// Letters that this node holds for others: for one sender, and for all. Disk that friends may take, not memory.
inline constexpr std::size_t custody_letters_per_sender_max = 256;
inline constexpr std::uint64_t custody_bytes_per_sender_max = 16u << 20;
inline constexpr std::size_t custody_letters_max = 1024;
inline constexpr std::uint64_t custody_bytes_max = 64u << 20;
/// Letters that lie in this node's boxes: from one sender, and from all. Beyond it senders keep theirs and try again.
inline constexpr std::size_t inbox_letters_per_sender_max = 4096;
inline constexpr std::uint64_t inbox_bytes_per_sender_max = 64u << 20;
inline constexpr std::size_t inbox_letters_max = 16384;
inline constexpr std::uint64_t inbox_bytes_max = 256u << 20;
/// Gaps in the numbers of one sender's letters, left by those that expired or still wait at a custodian. Each costs 16
/// bytes of a receipt; beyond it a letter that would make another gap has to wait for those before it.
inline constexpr std::size_t number_ranges_max = 256;
/// Numberings that one sender may have begun: it begins another when it has lost its database.
inline constexpr std::size_t numberings_per_sender_max = 16;
/// Ended letters that the sender's status still lists.
inline constexpr std::size_t ended_letters_max = 500;
/// Receipts that wait to be told to senders and custodians.
inline constexpr std::size_t receipts_to_tell_max = 4096;
/// Deliveries, hand-overs to custodians and told receipts under way at a time: each may hold a whole letter in memory.
inline constexpr std::size_t deliveries_active_max = 4;
inline constexpr std::size_t handovers_active_max = 2;
inline constexpr std::size_t tellings_active_max = 4;
/// A delivery that failed is tried again after the first pause, doubled each time up to the second, give or take a quarter.
inline constexpr duration mail_retry_first = 1s;
inline constexpr duration mail_retry_last = 1min;
/// A node that declined custody is not asked again for this long.
inline constexpr duration custody_declined_pause = 10min;
/// One that did not answer is asked again sooner: it may only have been starting.
inline constexpr duration custody_silent_pause = 30s;
/// Deadline of a request: for its round trips, and for the bytes over the slowest serial line (500 B/s).
inline constexpr duration mail_request_timeout = 30s;
inline constexpr duration mail_request_timeout_per_byte = 2ms;
/// Letters up to this size are small messages, which any link carries; longer ones are bulk.
inline constexpr std::size_t letter_interactive_bytes_max = 64u << 10;
/// Expired letters are looked for at least this often: the calendar may be set while the node runs.
inline constexpr duration expiry_check_pause = 1h;
/// Programs that wait for a letter or for an answer about one.
inline constexpr std::size_t mail_waiters_max = 256;
/// A program that took a message and then says nothing is taken for dead: others may take it.
inline constexpr duration mail_lease = 10min;

} // namespace glow::limits
