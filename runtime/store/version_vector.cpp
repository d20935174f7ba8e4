#include "runtime/store/version_vector.hpp"

#include <algorithm>

namespace glow::store {

void join_into(version_vector& into, const version_vector& more) {
  for (auto& [device, sequence] : more) {
    auto& known = into[device];
    known = std::max(known, sequence);
  }
}

bool contains(const version_vector& all, const version_vector& part) { return beyond(part, all).empty(); }

version_vector beyond(const version_vector& all, const version_vector& known) {
  version_vector out;
  for (auto& [device, sequence] : all) {
    auto found = known.find(device);
    if (sequence > (found == known.end() ? 0 : found->second)) out.emplace(device, sequence);
  }
  return out;
}

std::uint64_t digest_of(const version_vector& vector) {
  std::uint64_t sum = 0; // of no order: each entry by itself
  for (auto& [device, sequence] : vector) {
    if (sequence == 0) continue;
    auto one = read_le<std::uint64_t>(device.data()); // Fibonacci hashing (Knuth, volume 3, 6.4)
    for (auto word : {sequence, std::uint64_t{0}}) {
      one = (one ^ word) * 0x9e3779b97f4a7c15ULL;
      one ^= one >> 29;
    }
    sum += one;
  }
  return sum;
}

} // namespace glow::store
