#include "runtime/store/commit.hpp"

#include "runtime/identity/record.hpp"
#include "runtime/store/blake2b.hpp"
#include "runtime/store/entry_codec.hpp"
#include "runtime/store/limits.hpp"

#include <sodium/crypto_sign.h>
#include <sodium/utils.h>

#include <algorithm>

namespace glow::store {

namespace {

constexpr std::string_view signed_prefix = "glow commit v1";
constexpr std::size_t vector_item_bytes = 32 + 8;

byte_string text_to_sign(byte_view encoded) {
  auto text = to_bytes(signed_prefix);
  append(text, encoded);
  return text;
}

byte_string encode(const commit& what) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Commit>();
  root.setNamespaceId(as_data(what.in.view()));
  root.setRoot(as_data(what.root.view()));
  root.setParents(as_data(pack_ids(what.parents)));
  root.setDevice(as_data(what.device.view()));
  root.setSequence(what.sequence);
  byte_string vector;
  for (auto& [device, sequence] : what.vector) {
    append(vector, device.view());
    append_le(vector, sequence);
  }
  root.setVector(as_data(vector));
  root.setTimeMs(to_unix_ms(what.time));
  root.setMessage(as_capnp_text(what.message));
  return canonical_bytes(root.asReader());
}

error broken(std::string_view why) { return {error_code::malformed, "commit " + std::string{why}}; }

result<version_vector> read_vector(byte_view packed) {
  if (packed.size() % vector_item_bytes != 0 || packed.size() / vector_item_bytes > limits::commit_devices_max)
    return broken("with a version vector of impossible size");
  version_vector vector;
  for (std::size_t at = 0; at < packed.size(); at += vector_item_bytes) {
    auto device = node_id::from(packed.subspan(at, 32));
    if (!vector.empty() && device <= vector.rbegin()->first) return broken("with a version vector out of order");
    vector.emplace_hint(vector.end(), device, read_le<std::uint64_t>(packed.data() + at + 32));
  }
  return vector;
}

result<commit> read_commit(schema::Commit::Reader root) {
  commit what;
  if (root.getNamespaceId().size() != 32 || root.getRoot().size() != 32 || root.getDevice().size() != 32)
    return broken("with an identifier of the wrong size");
  if (root.getMessage().size() > limits::commit_message_bytes_max) return broken("with a message that is too long");
  what.in = namespace_id::from(from_data(root.getNamespaceId()));
  what.root = object_address::from(from_data(root.getRoot()));
  what.device = node_id::from(from_data(root.getDevice()));
  what.sequence = root.getSequence();
  if (!identity::is_record_time(root.getTimeMs())) return broken("with an impossible time");
  what.time = from_unix_ms(root.getTimeMs());
  what.message = from_text(root.getMessage());
  auto parents = unpack_ids<commit_id>(from_data(root.getParents()), limits::commit_parents_max);
  if (!parents) return parents.why();
  what.parents = std::move(*parents);
  if (std::adjacent_find(what.parents.begin(), what.parents.end(), std::greater_equal<>{}) != what.parents.end())
    return broken("with parents out of order");
  auto vector = read_vector(from_data(root.getVector()));
  if (!vector) return vector.why();
  what.vector = std::move(*vector);
  auto own = what.vector.find(what.device);
  if (what.sequence == 0 || own == what.vector.end() || own->second != what.sequence)
    return broken("whose sequence is not in its version vector");
  return what;
}

signed_commit assemble(commit what, byte_view encoded, const signature& proof) {
  signed_commit made;
  made.what = std::move(what);
  made.id = blake2b{}.add("glow commit id").add(encoded).add(proof.view()).finish_as<commit_id>();
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::SignedCommit>();
  root.setCommit(as_data(encoded));
  root.setSignature(as_data(proof.view()));
  made.bytes = canonical_bytes(root.asReader());
  return made;
}

result<signed_commit> read_signed(byte_view bytes, bool verify) {
  if (bytes.size() > limits::commit_bytes_max) return broken("that is too long");
  return read_message<schema::SignedCommit>(bytes, [&](schema::SignedCommit::Reader root) -> result<signed_commit> {
    auto encoded = from_data(root.getCommit());
    if (root.getSignature().size() != signature::size_bytes) return broken("without a signature");
    auto proof = signature::from(from_data(root.getSignature()));
    auto what = read_message<schema::Commit>(encoded, read_commit);
    if (!what) return what.why();
    auto text = verify ? text_to_sign(encoded) : byte_string{};
    if (verify && crypto_sign_verify_detached(proof.data(), text.data(), text.size(), what->device.data()) != 0)
      return error{error_code::tampered, "commit is not signed by the device that it names"};
    return assemble(std::move(*what), encoded, proof);
  });
}

} // namespace

author author_from_secret_key(byte_view secret_key) {
  pick_fast_paths();
  // the last 32 bytes of libsodium's secret key are the public key
  author by;
  if (secret_key.size() != crypto_sign_SECRETKEYBYTES) return by;
  by.device = node_id::from(secret_key.subspan(crypto_sign_SECRETKEYBYTES - 32));
  auto held = std::shared_ptr<byte_string>{new byte_string{to_bytes(secret_key)}, [](byte_string* key) {
                                             sodium_memzero(key->data(), key->size());
                                             delete key;
                                           }};
  by.sign = [held](byte_view text) {
    signature proof;
    crypto_sign_detached(proof.data(), nullptr, text.data(), text.size(), held->data());
    return proof;
  };
  return by;
}

signed_commit sign_commit(const commit& what, const author& by) {
  auto encoded = encode(what);
  return assemble(what, encoded, by.sign(text_to_sign(encoded)));
}

result<signed_commit> verify_commit(byte_view bytes) { return read_signed(bytes, true); }
result<signed_commit> decode_commit(byte_view bytes) { return read_signed(bytes, false); }

} // namespace glow::store
