#include "runtime/store/fastcdc.hpp"

#include "runtime/store/blake2b.hpp"

#include <bit>

namespace glow::store {

namespace {

/// `bits` ones below bit 63. High bits, because they depend on the last 64 bytes; not the highest, because two-byte
/// rolling tests the first byte's fingerprint one place further left, where bit 63 has left the word.
std::uint64_t mask_of(unsigned bits) { return ((1ULL << bits) - 1) << (63 - bits); }

} // namespace

std::shared_ptr<const gear_table> make_gear_table(byte_view key) {
  pick_fast_paths();
  auto table = std::make_shared<gear_table>();
  for (std::size_t i = 0; i < 256; i += 8) {
    std::uint8_t block[64];
    blake2b{64, key}.add("glow gear").add_le(static_cast<std::uint64_t>(i)).finish(block);
    for (std::size_t k = 0; k < 8; ++k) {
      table->once[i + k] = read_le<std::uint64_t>(block + 8 * k);
      table->twice[i + k] = table->once[i + k] << 1;
    }
  }
  return table;
}

chunk_cutter::chunk_cutter(std::shared_ptr<const gear_table> gear, cut_sizes sizes) : gear_{std::move(gear)}, sizes_{sizes} {
  auto bits = static_cast<unsigned>(std::bit_width(sizes_.average) - 1);
  mask_small_ = mask_of(bits + 2); // normalisation level 2 of the paper
  mask_large_ = mask_of(bits - 2);
}

void chunk_cutter::reset() {
  fingerprint_ = 0;
  position_ = 0;
  cut_ = false;
}

/// Rolls over at most `count` bytes; stops behind the byte whose fingerprint says cut.
std::size_t chunk_cutter::scan(const std::uint8_t* bytes, std::size_t count, std::uint64_t mask) {
  auto& once = gear_->once;
  auto& twice = gear_->twice;
  auto fingerprint = fingerprint_;
  auto mask_of_first = mask << 1;
  std::size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    fingerprint = (fingerprint << 2) + twice[bytes[i]];
    if ((fingerprint & mask_of_first) == 0) {
      cut_ = true;
      return i + 1;
    }
    fingerprint += once[bytes[i + 1]];
    if ((fingerprint & mask) == 0) {
      cut_ = true;
      return i + 2;
    }
  }
  if (i < count) {
    fingerprint = (fingerprint << 1) + once[bytes[i]];
    if ((fingerprint & mask) == 0) cut_ = true;
    ++i;
  }
  fingerprint_ = fingerprint;
  return i;
}

std::size_t chunk_cutter::feed(byte_view more) {
  if (cut_) reset();
  std::size_t used = 0;
  if (position_ < sizes_.min) { // no cut can fall here, so nothing is hashed
    used = std::min(more.size(), sizes_.min - position_);
    position_ += used;
  }
  struct region {
    std::size_t end;
    std::uint64_t mask;
  };
  for (auto [end, mask] : {region{sizes_.average, mask_small_}, region{sizes_.max, mask_large_}}) {
    if (cut_ || position_ >= end || used == more.size()) continue;
    auto rolled = scan(more.data() + used, std::min(more.size() - used, end - position_), mask);
    used += rolled;
    position_ += rolled;
  }
  if (position_ == sizes_.max) cut_ = true;
  if (cut_) {
    fingerprint_ = 0;
    position_ = 0;
  }
  return used;
}

std::vector<std::size_t> cut_lengths(byte_view whole, const std::shared_ptr<const gear_table>& gear, cut_sizes sizes) {
  chunk_cutter cutter{gear, sizes};
  std::vector<std::size_t> lengths;
  while (!whole.empty()) {
    auto used = cutter.feed(whole);
    lengths.push_back(used);
    whole = whole.subspan(used);
  }
  return lengths;
}

} // namespace glow::store
