/// Messages on their way to one peer: cuts them into fragments, small ones first, long ones in turns, and keeps what was
/// not acknowledged. Refuses to know packets, windows and time-outs (loss_recovery.hpp, conversation.hpp).
///
/// A request is kept until it was answered, so that it can be sent again to a peer that restarted; an answer until it
/// was acknowledged.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "runtime/stream/loss_recovery.hpp"
#include "runtime/stream/packet.hpp"
#include "runtime/stream/range_set.hpp"

#include <deque>
#include <unordered_map>

namespace glow::stream {

/// A message's key in outbox and reassembly: request and answer of one id are two messages.
inline std::uint64_t key_of(message_kind kind, std::uint64_t id) { return id << 1 | (kind == message_kind::request ? 0u : 1u); }

class outbox {
public:
  /// Errors: `exhausted` when as many requests wait as may.
  result<std::uint64_t> add_request(std::uint16_t method, byte_string body, steady_time deadline);
  /// Requires: `id` was requested by the peer and not answered before.
  void add_answer(std::uint64_t id, result<byte_string> answer);
  /// The answer came, or nobody waits for it any more. False when the id is unknown.
  bool finish_request(std::uint64_t id);
  /// Stops sending an answer that the peer no longer wants.
  void drop_answer(std::uint64_t id) { erase(key_of(message_kind::response, id)); }
  /// Tells the peer that `id` is not awaited any more. Requires: finish_request(id) was called.
  void add_cancel(std::uint64_t id) { cancels_.push_back(id); }
  bool awaits_answer(std::uint64_t id) const { return messages_.contains(key_of(message_kind::request, id)); }
  bool awaits_answers() const { return requests_ > 0; }
  /// Ids of all requests without an answer, oldest first.
  std::vector<std::uint64_t> unanswered() const;

  /// Appends frames to `packet` until it is `packet_bytes` long or nothing is left to send now.
  void write_frames(byte_string& packet, std::size_t packet_bytes, std::vector<fragment>& carried, steady_time now);
  /// Something to send now.
  bool has_data();
  /// Something short to send now: what people wait for.
  bool has_small() const { return !small_.empty() || !cancels_.empty(); }
  /// Rough size of what write_frames() would append, at most `enough`.
  std::size_t pending_bytes(std::size_t enough) const;

  void on_acknowledged(const fragment& what);
  void on_lost(const fragment& what);
  /// Requests start from scratch; answers are for an incarnation that is no more.
  void on_peer_restarted();

  bool empty() const { return messages_.empty() && cancels_.empty(); }
  std::size_t held_bytes() const { return held_bytes_; }
  std::size_t request_count() const { return requests_; }

private:
  struct message {
    message_kind kind = message_kind::request;
    std::uint64_t id = 0;
    std::uint32_t code = 0;
    steady_time deadline{};
    byte_string body;
    range_set acknowledged;
    range_set lost;          ///< to be sent again
    std::uint64_t fresh = 0; ///< everything from here on was never sent
    bool started = false;    ///< a request that counts as outstanding
    bool active = false;     ///< admitted: some of it may be under way
    bool queued = false;     ///< stands in one of the two queues of active messages
    bool delivered = false;  ///< all acknowledged
    /// An empty body counts as one byte, so that it too is sent and acknowledged.
    std::uint64_t span() const { return body.empty() ? 1 : body.size(); }
    bool is_small() const;
    bool has_data() const { return fresh < span() || !lost.empty(); }
  };
  void add(message what);
  void erase(std::uint64_t key);
  void start_requests();
  void start(std::uint64_t key, const message& what);
  void admit();
  void enqueue(std::uint64_t key, message& what);
  void leave_active(message& what);
  message* next_message(std::uint64_t& key);
  bool write_fragment(byte_string& packet, std::size_t packet_bytes, std::uint64_t key, message& what,
                      std::vector<fragment>& carried, steady_time now);

  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, message> messages_;
  std::deque<std::uint64_t> waiting_requests_; ///< beyond the number of requests that may be outstanding
  std::deque<std::uint64_t> waiting_small_;    ///< not admitted yet
  std::deque<std::uint64_t> waiting_long_;
  std::deque<std::uint64_t> small_; ///< active, with something to send; keys of erased messages are skipped
  std::deque<std::uint64_t> long_;
  std::deque<std::uint64_t> cancels_;
  std::size_t requests_ = 0;
  std::size_t requests_started_ = 0;
  std::size_t active_small_ = 0;
  std::size_t active_long_ = 0;
  std::size_t active_long_bytes_ = 0;
  std::size_t held_bytes_ = 0;
  unsigned small_in_a_row_ = 0;
};

} // namespace glow::stream
