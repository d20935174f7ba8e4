/// What must hold in every simulated run, whatever fails. Each invariant is a pure unit that is told what happened and keeps
/// the violations it saw; the run (simulation.hpp) does the telling. So each can be shown a wrong world by a test.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/time.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace glow::simulation {

/// Where every checker puts what it saw; bounded, the first ones count.
class violation_list {
public:
  void add(duration at, const std::string& what);
  bool empty() const { return violations_.empty(); }
  const std::vector<std::string>& all() const { return violations_; }

private:
  std::vector<std::string> violations_;
};

/// No forwarding loop: following everybody's chosen next hops towards any destination never comes back to a node.
class loop_checker {
public:
  static constexpr std::size_t nowhere = SIZE_MAX;
  /// By node, the next hop it would use towards one destination, in one metric; `nowhere` if none.
  using next_hops = std::vector<std::size_t>;
  /// The nodes of one loop, in their order; empty: there is none. Takes time in proportion to the nodes.
  static std::vector<std::size_t> find_loop(const next_hops& next);
};

/// A request reaches the node it was sent to, unchanged, and is served at most once in each life of that node's endpoint.
class delivery_checker {
public:
  explicit delivery_checker(violation_list& into) : into_{into} {}
  struct probe {
    std::size_t from = 0, to = 0;
    digest body;
  };
  void on_sent(std::uint64_t number, probe what);
  /// `life`: of the serving endpoint.
  void on_served(std::uint64_t number, std::size_t at, std::size_t claimed_from, const digest& body, std::uint64_t life,
                 duration when);
  void on_answered(std::uint64_t number, const digest& body, duration when);
  void on_failed(std::uint64_t number);
  std::uint64_t sent() const { return sent_; }
  std::uint64_t answered() const { return answered_; }

private:
  violation_list& into_;
  std::map<std::uint64_t, probe> open_;
  std::set<std::tuple<std::uint64_t, std::size_t, std::uint64_t>> served_; ///< number, node, life
  std::uint64_t sent_ = 0, answered_ = 0;
};

/// No plaintext of a payload in any channel's bytes: every payload carries the marker, no frame may.
class plaintext_checker {
public:
  plaintext_checker(violation_list& into, byte_string marker) : into_{into}, marker_{std::move(marker)} {}
  void on_frame(byte_view bytes, std::size_t from, std::size_t to, duration when);
  const byte_string& marker() const { return marker_; }

private:
  violation_list& into_;
  byte_string marker_;
};

/// What a put acknowledged is there for every member once the mesh is whole again, as it was written.
class object_checker {
public:
  explicit object_checker(violation_list& into) : into_{into} {}
  void on_acknowledged(const std::string& path, const digest& content, std::size_t at);
  /// A read anywhere, any time: wrong bytes are a violation, a failed read is none.
  void on_read(const std::string& path, std::size_t at, const digest& content, duration when);
  /// A read after quiet: must have succeeded.
  void on_final_read(const std::string& path, std::size_t at, const digest* content, const std::string& why, duration when);
  const std::map<std::string, std::pair<digest, std::size_t>>& acknowledged() const { return acknowledged_; }

private:
  violation_list& into_;
  std::map<std::string, std::pair<digest, std::size_t>> acknowledged_; ///< path → content, where it was put
};

/// Replicas are equal after quiet: every member lists the same names, sizes and versions.
class replica_checker {
public:
  explicit replica_checker(violation_list& into) : into_{into} {}
  void on_listing(std::size_t at, const std::string& listing, duration when);
  void on_no_listing(std::size_t at, const std::string& why, duration when);

private:
  violation_list& into_;
  std::optional<std::pair<std::size_t, std::string>> first_;
};

/// A job that was acknowledged ends well, and each of its outputs exists exactly once.
class job_checker {
public:
  explicit job_checker(violation_list& into) : into_{into} {}
  void on_ended(const std::string& job, const std::string& state, std::uint64_t steps, std::uint64_t done, duration when);
  void on_output(const std::string& path, std::size_t versions, duration when);

private:
  violation_list& into_;
};

/// A message that was acknowledged to its sender is taken out of its box once, by the node it was sent to, as it was sent.
class mail_checker {
public:
  explicit mail_checker(violation_list& into) : into_{into} {}
  void on_sent(std::uint64_t number, std::size_t to, const digest& body);
  void on_acknowledged(std::uint64_t number);
  /// Somebody was given it.
  void on_taken(std::uint64_t number, std::size_t at, const digest& body, duration when);
  /// It is gone from its box for good; or nobody knows, for the node died over the question.
  void on_removed(std::uint64_t number, duration when);
  void on_maybe_removed(std::uint64_t number);
  /// After quiet, when all boxes were emptied.
  void judge(duration when);
  std::uint64_t acknowledged() const { return acknowledged_; }

private:
  struct message {
    std::size_t to = 0;
    digest body;
    bool acknowledged = false;
    bool maybe_removed = false;
    std::size_t removed = 0;
  };
  violation_list& into_;
  std::map<std::uint64_t, message> messages_;
  std::uint64_t acknowledged_ = 0;
};

/// Queues stay within their bounds.
class queue_checker {
public:
  explicit queue_checker(violation_list& into) : into_{into} {}
  void on_queue(const std::string& what, std::size_t length, std::size_t bound, duration when);
  std::size_t longest() const { return longest_; }

private:
  violation_list& into_;
  std::size_t longest_ = 0;
};

/// Control traffic of an idle mesh stays within its share of every wire (overlay.md), while nothing changes. What a change
/// costs is no violation: it passes.
class budget_checker {
public:
  explicit budget_checker(violation_list& into) : into_{into} {}
  /// A frame on a wire, identified by the caller; counted while the mesh is settled.
  void on_frame(std::size_t wire, std::uint64_t rate_bps, std::size_t bytes);
  /// From now on the mesh is settled, or is not.
  void set_settled(bool settled, duration when);
  /// Judges what was counted so far.
  void judge(const std::function<std::string(std::size_t wire)>& name_of, duration when);

private:
  struct tally {
    std::uint64_t rate_bps = 0;
    std::uint64_t bytes = 0;
  };
  violation_list& into_;
  std::map<std::size_t, tally> wires_;
  std::optional<duration> settled_since_;
  duration settled_for_{};
};

} // namespace glow::simulation
