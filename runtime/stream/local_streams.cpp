#include "runtime/stream/local_streams.hpp"

namespace glow::stream {

void local_streams::join(std::uint64_t caller, std::uint64_t called) {
  ends_[caller].other = called;
  ends_[called].other = caller;
}

void local_streams::write(std::uint64_t handle, std::vector<byte_string> bytes, bool ends, std::vector<stream_event>& out) {
  auto found = ends_.find(handle);
  if (found == ends_.end() || found->second.ended) return;
  const auto other = found->second.other;
  found->second.ended = ends;
  std::erase_if(bytes, [](auto& each) { return each.empty(); });
  if (!bytes.empty() || ends) out.push_back(stream_received{other, std::move(bytes), ends});
  if (!ends || !ends_.at(other).ended) return;
  ends_.erase(handle);
  ends_.erase(other);
  for (auto each : {handle, other}) out.push_back(stream_over{each, {error_code::none, {}}});
}

void local_streams::consume(std::uint64_t handle, std::size_t bytes, std::vector<stream_event>& out) {
  auto found = ends_.find(handle);
  if (found == ends_.end()) return;
  auto& owed = found->second.owed;
  owed += bytes;
  if (owed < writable() / 4 || ends_.at(found->second.other).ended) return;
  out.push_back(stream_writable{found->second.other, std::exchange(owed, 0)});
}

void local_streams::close(std::uint64_t handle, const error& why, std::vector<stream_event>& out) {
  auto found = ends_.find(handle);
  if (found == ends_.end()) return;
  const auto other = found->second.other;
  ends_.erase(found);
  ends_.erase(other);
  out.push_back(stream_over{other, why});
}

} // namespace glow::stream
