#include "runtime/store/version_vector.hpp"

#include "runtime/base/mixing.hpp"

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
    sum += mix_words(read_le<std::uint64_t>(device.data()), {sequence, 0});
  }
  return sum;
}

} // namespace glow::store
