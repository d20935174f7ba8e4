/// Two nodes have dialled each other and have two links of one kind: which one stays. Both sides decide alike without a word
/// between them. Refuses to know what a kind is.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/time.hpp"
#include "runtime/link/limits.hpp"

namespace glow::link {

/// Of two links that were begun from either side. Dialled at the same time, the one that the lower node id began stays. A link
/// that came long after the other is no such race: nobody dials who has a link of that kind, so its peer has lost the older one
/// (a restart, a medium that failed), of which an idle link at this end hears late; refused, the peer would dial in vain till
/// then.
inline bool older_link_stays(const node_id& self, const node_id& peer, bool older_is_ours, duration older_up_for) {
  if (older_up_for >= limits::simultaneous_dials_within) return false;
  return older_is_ours == (self < peer);
}

} // namespace glow::link
