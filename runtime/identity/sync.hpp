/// Membership sync: how two members bring their logs and places level in one exchange (schema SyncRequest, SyncResponse),
/// and when to ask whom. Refuses to send and to read a clock: actors/namespace does.
///
///   asker                                  answerer
///     digests, own places ──►                  merges places
///     ◄── own places; the same, or not
///     (only if not)
///     set digest, record prefixes, places ──►  merges places
///     ◄── records the asker lacks, prefixes it lacks itself, places
///     (only if it lacks some) those records ──►  merges them
#pragma once

#include "runtime/identity/limits.hpp"
#include "runtime/identity/namespace_state.hpp"

#include <optional>

namespace glow::identity {

/// What an exchange did to the asked or the asking side.
struct sync_effect {
  std::size_t records_new = 0;
  bool addresses_new = false;
  bool first_hand = false; ///< among them places that the other side told of itself
  bool level = false;      ///< both sides now hold the same records
};

/// Members are level most of the time: the first question is brief, and costs the same however large the namespace is.
enum class sync_extent { brief, everything, push };

/// Requires: `extent` is not push; finish_sync() makes those.
byte_string make_sync_request(const namespace_state& ours, const node_id& answerer, sync_extent extent);
/// The answerer's part: the response to send, after what the request brought was merged into `ours`.
/// Errors: `malformed`, `not_a_member` (the asker is none; nothing is told to it).
result<std::pair<byte_string, sync_effect>> answer_sync(namespace_state& ours, const node_id& asker, byte_view request);
/// What follows a response.
struct next_sync_request {
  sync_extent extent;
  byte_string body;
};
/// The asker's part: merges the response to a request of that extent; another request when both differ, or when the answerer
/// wants records. None follows a push. Errors: `malformed`.
result<std::pair<std::optional<next_sync_request>, sync_effect>> finish_sync(namespace_state& ours, const node_id& answerer,
                                                                             sync_extent asked, byte_view response);

/// Whom to ask next. News spread from neighbour to neighbour (an epidemic, Demers et al. 1987): asking everybody would cost
/// the square of the mesh's size. A neighbour is due when it became one, when our own knowledge changed since it was last
/// level with us, after a failed exchange with growing pauses, and once in a long while. One of the members farther away is
/// asked as often, in turn: that heals what neighbours did not pass on.
class sync_plan {
public:
  /// The members that are neighbours now, and those reachable over others; the rest is forgotten.
  void set_reachable(const std::vector<node_id>& neighbours, std::vector<node_id> farther, steady_time now);
  /// What we know changed: every neighbour is due, but for whoever told us.
  void knowledge_changed(steady_time now, const std::optional<node_id>& told_by = std::nullopt);
  /// Members to ask now: they count as asked until `finished`. At most limits::syncs_at_once_max are under way.
  std::vector<node_id> start(steady_time now);
  /// An exchange with `node` ended.
  void finished(const node_id& node, bool well, steady_time now);
  /// When `start` has something to do next; nothing while exchanges fill the bound or nobody is reachable.
  std::optional<steady_time> wake_at() const;

private:
  struct peer {
    steady_time due{};
    std::uint32_t failures = 0;
    bool asked = false;
    bool again = false; ///< our knowledge changed while it was asked
  };
  std::map<node_id, peer> peers_; ///< neighbours, and whoever is asked just now
  std::vector<node_id> farther_;
  std::size_t next_farther_ = 0;
  std::optional<steady_time> farther_due_;
  std::size_t asked_ = 0;
};

} // namespace glow::identity
