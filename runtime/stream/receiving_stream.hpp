/// One direction of a stream at its receiver: puts pieces that arrive in any order, again, or overlapping, into one sequence of
/// bytes, and knows how far the sender may go.
/// Refuses to hold what is in order: the application has it at once, and says when it has consumed it.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/time.hpp"
#include "runtime/stream/limits.hpp"

#include <map>
#include <memory>
#include <optional>

namespace glow::stream {

class receiving_stream {
public:
  enum class verdict {
    taken,
    beyond, ///< of the window, or of what is held: not to be acknowledged
    broken, ///< another end than was said before, or bytes behind it: the sender is broken
  };
  /// Appends what is in order now to `out`. `segments`: pieces held by all streams together, kept up to date.
  verdict add(std::uint64_t offset, byte_view bytes, bool end, std::vector<byte_string>& out, std::size_t& segments);
  /// The application is done with so many bytes. Returns true when the sender should hear of a new limit.
  bool consume(std::uint64_t bytes, steady_time now, duration rtt);
  /// The sender's direction ends at `final_size`. False when that contradicts what arrived.
  bool finish_at(std::uint64_t final_size);

  std::uint64_t limit() const { return limit_; }
  std::uint64_t highest() const { return highest_; }   ///< one behind the last byte that arrived, or the final size
  std::uint64_t in_order() const { return in_order_; } ///< bytes handed to the application
  std::uint64_t consumed() const { return consumed_; }
  bool is_final() const { return final_.has_value(); }
  bool is_complete() const { return final_ && *final_ == in_order_; }
  /// Nobody wants the bytes any more.
  void drop(std::size_t& segments);

private:
  using held_pieces = std::map<std::uint64_t, byte_string>;
  bool hold(std::uint64_t offset, byte_view bytes, std::size_t& segments);
  void release(std::vector<byte_string>& out, std::size_t& segments);

  std::unique_ptr<held_pieces> ahead_; ///< by offset, disjoint; made when something arrives out of order
  std::uint64_t in_order_ = 0;
  std::uint64_t highest_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint64_t window_ = limits::stream_window_initial;
  std::uint64_t limit_ = limits::stream_window_initial;
  std::optional<std::uint64_t> final_;
  steady_time told_at_{}; ///< of the last new limit
};

} // namespace glow::stream
