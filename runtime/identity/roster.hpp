/// Who belongs to a namespace, as evaluated from its signed membership log. A value: snapshots are shared freely.
/// Refuses to verify anything: membership.hpp does, and builds rosters.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/time.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glow::identity {

enum class role : std::uint8_t {
  admin = 0,  ///< may admit and expel
  member = 1, ///< reads and writes the namespace, runs its jobs
  guest = 2,  ///< relays and is reachable, but holds no namespace secret
};
std::string_view to_string(role r);
std::optional<role> role_from_text(std::string_view text);

class membership_log;

/// What a name of a node may be: 1 to 63 of a-z A-Z 0-9 - _ . and neither '-' nor '.' first. Nothing that a shell, a
/// terminal or a path could take for something else.
bool is_node_name(std::string_view text);
/// The nearest node name to any text, say a host name: other characters become '-'; "node" when nothing is left.
std::string node_name_from(std::string_view text);

struct member {
  node_id id;
  std::string name;
  role as = role::member;
  wall_time admitted{};
};

/// 32 secret bytes that every admin and member holds: chunk identities, encryption and beacon tags derive from them.
/// All zero on a guest.
using namespace_secret = fixed_bytes<32, struct namespace_secret_tag>;

struct roster {
  namespace_id id;
  std::string name; ///< of the namespace
  node_id self;
  namespace_secret secret;
  std::vector<member> members; ///< live ones, ordered by id, self included
  /// What it was evaluated from: `check_peer` (membership.hpp) asks it. Null in rosters made by hand.
  std::shared_ptr<const membership_log> log;

  const member* find(const node_id& node) const;
  const member* find_by_name(std::string_view node_name) const;
  /// Name where known, else the short form of the id.
  std::string name_of(const node_id& node) const;
};
using roster_ptr = std::shared_ptr<const roster>;

} // namespace glow::identity
