/// What an owner says of a link by parameters of its URI, on any medium, and how both ends come to the same view of it:
///   ?class=control | ?class=drop    the link is taken for that, whatever is measured
///   ?bulk=yes | ?bulk=no            it carries bulk, or none, whatever its class admits
/// Each side tells the other its own words by feature bits of the handshake (payload.hpp). Refuses to judge what a class admits:
/// that is route/admission.hpp.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/uri.hpp"

#include <cstdint>
#include <string>

namespace glow::link {

/// Whether a link is to carry bulk.
enum class bulk_wish : std::uint8_t { by_class, yes, no };

struct link_policy {
  std::string declared_class; ///< "control", "drop", or empty: measured
  std::string declared_by;    ///< "its URI says so", "the peer says so"; empty with declared_class
  bulk_wish bulk = bulk_wish::by_class;
  bool operator==(const link_policy&) const = default;
};

/// Errors: `usage` (another class or wish than those above).
result<link_policy> policy_of(const channel_uri& uri);
/// Own words as feature bits.
std::uint64_t to_features(const link_policy& ours);
/// What both sides said, as either of them sees it: a restriction of either holds, and one `yes` is enough where nobody says
/// `no`.
link_policy combined(link_policy ours, std::uint64_t peer_features);

} // namespace glow::link
