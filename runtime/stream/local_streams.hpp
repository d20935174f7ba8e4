/// Streams from a node to itself: what one end writes the other one receives, within the same bounds as over the mesh.
/// Refuses to know services and nodes.
#pragma once

#include "runtime/stream/stream_table.hpp"

namespace glow::stream {

class local_streams {
public:
  /// Joins two handles; `caller` wrote nothing yet and may write `writable()` bytes, `called` likewise.
  void join(std::uint64_t caller, std::uint64_t called);
  static std::size_t writable() { return limits::stream_write_ahead_min; }
  bool contains(std::uint64_t handle) const { return ends_.contains(handle); }

  /// What happens to either end is appended to `out`.
  void write(std::uint64_t handle, std::vector<byte_string> bytes, bool end, std::vector<stream_event>& out);
  void consume(std::uint64_t handle, std::size_t bytes, std::vector<stream_event>& out);
  void close(std::uint64_t handle, const error& why, std::vector<stream_event>& out);
  std::size_t size() const { return ends_.size(); }

private:
  struct end {
    std::uint64_t other = 0;
    bool ended = false;   ///< wrote its last
    std::size_t owed = 0; ///< received and consumed, not yet given back to the writer
  };
  std::unordered_map<std::uint64_t, end> ends_;
};

} // namespace glow::stream
