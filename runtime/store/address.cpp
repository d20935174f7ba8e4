#include "runtime/store/address.hpp"

#include "runtime/store/blake2b.hpp"
#include "runtime/store/limits.hpp"

#include <bit>

namespace glow::store {

namespace {

constexpr std::uint8_t leaf_prefix = 0, inner_prefix = 1, root_prefix = 2;

digest hash_range(std::span<const digest> blocks) {
  if (blocks.size() == 1) return blocks[0];
  auto left = std::bit_floor(blocks.size() - 1);
  return blake2b{}
    .add_byte(inner_prefix)
    .add(hash_range(blocks.first(left)).view())
    .add(hash_range(blocks.subspan(left)).view())
    .finish_as<digest>();
}

} // namespace

digest block_hash(byte_view block) { return blake2b{}.add_byte(leaf_prefix).add(block).finish_as<digest>(); }

std::vector<digest> block_hashes(byte_view sealed) {
  std::vector<digest> blocks;
  blocks.reserve(sealed.size() / limits::object_block_bytes + 1);
  for (std::size_t from = 0; from < sealed.size(); from += limits::object_block_bytes)
    blocks.push_back(block_hash(sealed.subspan(from, std::min(limits::object_block_bytes, sealed.size() - from))));
  if (blocks.empty()) blocks.push_back(block_hash({}));
  return blocks;
}

object_address address_of_blocks(std::uint64_t sealed_bytes, const std::vector<digest>& blocks) {
  if (blocks.empty()) return {};
  return blake2b{}.add_byte(root_prefix).add_le(sealed_bytes).add(hash_range(blocks).view()).finish_as<object_address>();
}

object_address address_of(byte_view sealed) { return address_of_blocks(sealed.size(), block_hashes(sealed)); }

} // namespace glow::store
