#include "runtime/store/chunk.hpp"
#include "runtime/store/limits.hpp"

#include "tests/runtime/store/store_fixture.hpp"

#include <rapidcheck.h>

using namespace store_fixture;

namespace {

const namespace_keys keys = namespace_keys::derive(secret_of(1));

byte_string sealed_of(object_kind kind, byte_view plain, const namespace_keys& with = keys) {
  sealer one{with};
  return to_bytes(one.seal(kind, id_of(with, kind, plain), plain));
}

} // namespace

TEST_CASE("what is sealed opens to the same bytes, compressed or not") {
  sealer both{keys};
  for (auto& plain : {byte_string{}, byte_string{1}, byte_string(200000, 42), random_bytes(1, 200000), random_bytes(2, 1u << 20),
                      byte_string(1u << 20)}) {
    auto id = id_of(keys, object_kind::chunk, plain);
    auto sealed = to_bytes(both.seal(object_kind::chunk, id, plain));
    REQUIRE(sealed.size() <= plain.size() + 80);
    auto opened = both.open(sealed);
    REQUIRE(opened);
    REQUIRE(to_bytes(opened->plain) == plain);
    REQUIRE(opened->id == id);
  }
}

TEST_CASE("compressible chunks shrink, tree nodes never depend on the compressor") {
  byte_string text;
  while (text.size() < 100000) append(text, as_bytes("all work and no play makes glow a dull mesh "));
  REQUIRE(sealed_of(object_kind::chunk, text).size() < text.size() / 10);
  REQUIRE(sealed_of(object_kind::tree_node, text).size() == text.size() + 80);
}

TEST_CASE("sealing is convergent in a namespace and tells nothing across namespaces") {
  auto plain = random_bytes(3, 5000);
  REQUIRE(sealed_of(object_kind::chunk, plain) == sealed_of(object_kind::chunk, plain));
  auto other = namespace_keys::derive(secret_of(2));
  REQUIRE(id_of(keys, object_kind::chunk, plain) != id_of(other, object_kind::chunk, plain));
  REQUIRE(id_of(keys, object_kind::chunk, plain) != id_of(keys, object_kind::tree_node, plain));
  auto foreign = sealed_of(object_kind::chunk, plain, other);
  auto opened = sealer{keys}.open(foreign);
  REQUIRE(!opened);
  REQUIRE(opened.why().code == error_code::tampered);
}

TEST_CASE("no altered byte opens") {
  auto sealed = sealed_of(object_kind::chunk, byte_string(300, 9));
  sealer one{keys};
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto altered = sealed;
    altered[i] ^= 0x40;
    REQUIRE(!one.open(altered));
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) REQUIRE(!one.open(byte_view{sealed}.first(size)));
}

TEST_CASE("any bytes are refused without harm") {
  REQUIRE(rc::check("hostile", [](byte_string bytes) {
    if (!bytes.empty()) bytes[0] = 1;
    RC_ASSERT(!sealer{keys}.open(bytes));
  }));
  byte_string huge(limits::object_sealed_bytes_max + 1, 1);
  REQUIRE(sealer{keys}.open(huge).why().code == error_code::malformed);
}

TEST_CASE("the address is the root over 16 KiB blocks, and verifies each block by itself") {
  REQUIRE(rc::check("blocks", [] {
    auto bytes = random_bytes(*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::inRange<std::size_t>(0, 300000));
    auto blocks = block_hashes(bytes);
    RC_ASSERT(address_of_blocks(bytes.size(), blocks) == address_of(bytes));
    RC_ASSERT(address_of_blocks(bytes.size() + 1, blocks) != address_of(bytes));
    for (std::size_t i = 0; i * limits::object_block_bytes < bytes.size(); ++i) {
      auto from = i * limits::object_block_bytes;
      auto block = byte_view{bytes}.subspan(from, std::min(limits::object_block_bytes, bytes.size() - from));
      RC_ASSERT(block_hash(block) == blocks[i]);
    }
    if (blocks.size() > 1) {
      std::swap(blocks.front(), blocks.back());
      RC_ASSERT(address_of_blocks(bytes.size(), blocks) != address_of(bytes));
    }
  }));
}
