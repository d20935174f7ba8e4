#include "runtime/link/join.hpp"

#include "runtime/link/limits.hpp"

#include <algorithm>

namespace glow::link {
namespace {

constexpr duration fragment_retry = 300ms;

} // namespace

admission_sender::admission_sender(byte_string admission, std::size_t fragment_bytes, steady_time now)
  : admission_{std::move(admission)},
    fragment_bytes_{fragment_bytes}, count_{std::max<std::size_t>(1, (admission_.size() + fragment_bytes - 1) / fragment_bytes)},
    received_(count_), sent_at_(count_), progress_at_{now} {}

std::vector<frame> admission_sender::due(steady_time now) {
  std::vector<frame> out;
  auto end = std::min(count_, base_ + limits::admission_window_fragments);
  for (auto i = base_; i < end; ++i) {
    if (received_[i] || (sent_at_[i] != steady_time{} && now - sent_at_[i] < fragment_retry)) continue;
    auto from = i * fragment_bytes_;
    auto part = byte_view{admission_}.subspan(from, std::min(fragment_bytes_, admission_.size() - from));
    out.push_back(admission_frame{static_cast<std::uint16_t>(i), static_cast<std::uint16_t>(count_), to_bytes(part)});
    sent_at_[i] = now;
  }
  return out;
}

void admission_sender::on_received(std::uint16_t index, steady_time now) {
  if (index >= count_ || received_[index]) return;
  received_[index] = true;
  progress_at_ = now;
  while (base_ < count_ && received_[base_]) ++base_;
}

steady_time admission_sender::next_tick() const {
  auto next = progress_at_ + limits::handshake_timeout;
  auto end = std::min(count_, base_ + limits::admission_window_fragments);
  for (auto i = base_; i < end; ++i)
    if (!received_[i]) next = std::min(next, sent_at_[i] + fragment_retry);
  return next;
}

result<std::optional<byte_string>> admission_receiver::on_fragment(admission_frame fragment) {
  if (fragments_.empty()) {
    // an empty fragment costs memory, too: as many as 16 bits can count cost no more than an admission may
    static_assert(UINT16_MAX * sizeof(byte_string) <= limits::admission_bytes_max);
    if (fragment.count == 0) return {error_code::malformed, "the admission has no fragments"};
    fragments_.resize(fragment.count);
    missing_ = fragment.count;
  }
  if (fragment.count != fragments_.size() || fragment.index >= fragments_.size())
    return {error_code::malformed, "fragments of the admission contradict each other"};
  auto& slot = fragments_[fragment.index];
  if (!slot.empty()) return std::optional<byte_string>{}; // repeated
  if (fragment.bytes.empty()) return {error_code::malformed, "a fragment of the admission is empty"};
  bytes_ += fragment.bytes.size();
  if (bytes_ > limits::admission_bytes_max) return {error_code::exhausted, "the admission is longer than allowed"};
  slot = std::move(fragment.bytes);
  if (--missing_ > 0) return std::optional<byte_string>{};
  byte_string whole;
  whole.reserve(bytes_);
  for (auto& each : fragments_) append(whole, each);
  return std::optional{std::move(whole)};
}

} // namespace glow::link
