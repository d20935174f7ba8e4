#include "runtime/store/chunk.hpp"

#include "runtime/store/blake2b.hpp"
#include "runtime/store/limits.hpp"

#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/utils.h>
#include <zstd.h>

#include <optional>

namespace glow::store {

namespace {

constexpr std::size_t kind_at = 1, flags_at = 2, zero_at = 3, plain_size_at = 4, id_at = 8, nonce_at = 40, body_at = 64;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::uint8_t format_version = 1, flag_compressed = 1;
static_assert(nonce_at + nonce_bytes == body_at && body_at + tag_bytes == 80);
static_assert(limits::object_sealed_bytes_max == limits::object_plain_bytes_max + body_at + tag_bytes);

constexpr int compression_level = 1;             // faster than our ciphers and hashes together; 3 gains a few per cent
constexpr std::size_t compression_sample = 4096; // decides whether a chunk is worth compressing at all
constexpr std::size_t compression_min = 64;      // below, a zstd frame only grows

/// Every object has a key of its own, so that a deterministic nonce is safe (see the header).
struct object_key {
  std::array<std::uint8_t, crypto_aead_xchacha20poly1305_ietf_KEYBYTES> bytes;
  object_key(const namespace_keys& keys, const chunk_id& id) {
    blake2b{32, keys.content_key}.add("glow object key").add(id.view()).finish(bytes.data());
  }
  object_key(const object_key&) = delete;
  object_key& operator=(const object_key&) = delete;
  ~object_key() { sodium_memzero(bytes.data(), bytes.size()); }

  std::array<std::uint8_t, nonce_bytes> nonce(std::uint8_t flags, byte_view body_or_id) const {
    std::array<std::uint8_t, nonce_bytes> out;
    blake2b{nonce_bytes, bytes}.add("glow object nonce").add_byte(flags).add(body_or_id).finish(out.data());
    return out;
  }
};

bool known_kind(std::uint8_t kind) { return kind >= 1 && kind <= 3; }

} // namespace

namespace_keys namespace_keys::derive(const identity::namespace_secret& secret) {
  pick_fast_paths();
  namespace_keys keys;
  auto one = [&](std::string_view purpose, std::array<std::uint8_t, 32>& out) {
    blake2b{32, secret.view()}.add("glow store v1 ").add(purpose).finish(out.data());
  };
  one("object id", keys.id_key);
  one("object content", keys.content_key);
  one("chunker gear", keys.gear_key);
  return keys;
}

namespace_keys::~namespace_keys() {
  sodium_memzero(id_key.data(), id_key.size());
  sodium_memzero(content_key.data(), content_key.size());
  sodium_memzero(gear_key.data(), gear_key.size());
}

chunk_id id_of(const namespace_keys& keys, object_kind kind, byte_view plain) {
  return blake2b{32, keys.id_key}.add_byte(static_cast<std::uint8_t>(kind)).add(plain).finish_as<chunk_id>();
}

struct sealer::buffers {
  byte_string sealed;
  byte_string plain;      ///< opened body
  byte_string compressed; ///< body before encryption
  ZSTD_CCtx* compressor = nullptr;
  ZSTD_DCtx* decompressor = nullptr;

  ~buffers() {
    ZSTD_freeCCtx(compressor);
    ZSTD_freeDCtx(decompressor);
  }

  /// The compressed form if it saves at least 1/32, else nothing. Gives up early on what looks incompressible.
  std::optional<byte_view> compress(byte_view raw) {
    if (raw.size() < compression_min) return std::nullopt;
    if (raw.size() > 4 * compression_sample && !shrinks(raw.first(compression_sample))
        && !shrinks(raw.subspan(raw.size() / 2, compression_sample)))
      return std::nullopt;
    return shrunk(raw);
  }

private:
  bool shrinks(byte_view sample) { return shrunk(sample).has_value(); }

  std::optional<byte_view> shrunk(byte_view raw) {
    if (!compressor) compressor = ZSTD_createCCtx(); // made on first use: an idle store holds none
    if (!compressor) return std::nullopt;
    auto room = raw.size() - raw.size() / 32 - 1; // too small a buffer makes zstd stop early, which is what we want
    if (compressed.size() < room) compressed.resize(room);
    auto got = ZSTD_compressCCtx(compressor, compressed.data(), room, raw.data(), raw.size(), compression_level);
    if (ZSTD_isError(got)) return std::nullopt;
    return byte_view{compressed}.first(got);
  }
};

sealer::sealer(const namespace_keys& keys) : keys_{keys}, buffers_{std::make_unique<buffers>()} {}
sealer::~sealer() = default;
sealer::sealer(sealer&&) noexcept = default;
sealer& sealer::operator=(sealer&&) noexcept = default;

byte_view sealer::seal(object_kind kind, const chunk_id& id, byte_view plain) {
  assert(plain.size() <= limits::object_plain_bytes_max);
  auto compressed = kind == object_kind::chunk ? buffers_->compress(plain) : std::nullopt;
  auto body = compressed.value_or(plain);
  std::uint8_t flags = compressed ? flag_compressed : 0;
  object_key key{keys_, id};
  auto nonce = key.nonce(flags, compressed ? body : id.view());

  auto& out = buffers_->sealed;
  auto size = body_at + body.size() + tag_bytes;
  if (out.size() < size) out.resize(size);
  out[0] = format_version;
  out[kind_at] = static_cast<std::uint8_t>(kind);
  out[flags_at] = flags;
  out[zero_at] = 0;
  for (std::size_t i = 0; i < 4; ++i) out[plain_size_at + i] = static_cast<std::uint8_t>(plain.size() >> (8 * i));
  std::copy(id.value.begin(), id.value.end(), out.begin() + id_at);
  std::copy(nonce.begin(), nonce.end(), out.begin() + nonce_at);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + body_at, nullptr, body.data(), body.size(), out.data(), body_at,
                                             nullptr, nonce.data(), key.bytes.data());
  return byte_view{out}.first(size);
}

result<sealed_header> read_sealed_header(byte_view sealed) {
  if (sealed.size() < body_at + tag_bytes || sealed.size() > limits::object_sealed_bytes_max)
    return error{error_code::malformed, "sealed object of " + std::to_string(sealed.size()) + " bytes: outside the bounds"};
  if (sealed[0] != format_version)
    return error{error_code::malformed,
                 "sealed object of format " + std::to_string(sealed[0]) + ": this version of Glow reads 1"};
  if (!known_kind(sealed[kind_at]) || sealed[flags_at] > flag_compressed || sealed[zero_at] != 0)
    return error{error_code::malformed, "sealed object with an unknown kind or flag"};
  sealed_header header;
  header.kind = static_cast<object_kind>(sealed[kind_at]);
  header.compressed = sealed[flags_at] == flag_compressed;
  header.plain_bytes = read_le<std::uint32_t>(sealed.data() + plain_size_at);
  header.id = chunk_id::from(sealed.subspan(id_at, 32));
  auto body_bytes = sealed.size() - body_at - tag_bytes;
  bool size_fits = header.compressed ? body_bytes < header.plain_bytes : body_bytes == header.plain_bytes;
  if (header.plain_bytes > limits::object_plain_bytes_max || !size_fits)
    return error{error_code::malformed, "sealed object claims an impossible size"};
  if (header.compressed && header.kind != object_kind::chunk)
    return error{error_code::malformed, "tree nodes and chunk lists are never compressed"};
  return header;
}

result<opened_object> sealer::open(byte_view sealed) {
  auto header = read_sealed_header(sealed);
  if (!header) return header.why();
  auto& held = *buffers_;
  object_key key{keys_, header->id};
  auto body_bytes = sealed.size() - body_at - tag_bytes;
  auto& body = header->compressed ? held.compressed : held.plain;
  if (body.size() < body_bytes) body.resize(body_bytes);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(body.data(), nullptr, nullptr, sealed.data() + body_at, body_bytes + tag_bytes,
                                                 sealed.data(), body_at, sealed.data() + nonce_at, key.bytes.data())
      != 0)
    return error{error_code::tampered, "object does not decrypt: altered bytes, or of another namespace"};
  if (header->compressed) {
    if (!held.decompressor) held.decompressor = ZSTD_createDCtx();
    if (!held.decompressor) return error{error_code::exhausted, "no memory to decompress an object"};
    if (held.plain.size() < header->plain_bytes) held.plain.resize(header->plain_bytes);
    auto got = ZSTD_decompressDCtx(held.decompressor, held.plain.data(), header->plain_bytes, held.compressed.data(), body_bytes);
    if (ZSTD_isError(got) || got != header->plain_bytes)
      return error{error_code::malformed, "object does not decompress to the size that it claims"};
  }
  auto plain = byte_view{held.plain}.first(header->plain_bytes);
  if (id_of(keys_, header->kind, plain) != header->id)
    return error{error_code::tampered, "object is not what its identifier says"};
  return opened_object{header->kind, header->id, plain};
}

} // namespace glow::store
