#include "runtime/identity/beacon.hpp"

#include "runtime/identity/keys.hpp"
#include "runtime/identity/limits.hpp"

#include <sodium.h>

namespace glow::identity {
namespace {

constexpr std::string_view magic = "glow";
constexpr std::uint8_t version = 1;
constexpr std::size_t nonce_at = 5, nonce_bytes = 16, tag_at = 21, tag_bytes = 16, cipher_at = 37;
constexpr std::size_t content_bytes = 192, scheme_bytes_max = 12;
static_assert(cipher_at + content_bytes + crypto_aead_xchacha20poly1305_ietf_ABYTES == beacon_size_bytes);
static_assert(nonce_bytes + sizeof(std::uint64_t) == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(beacon_size_bytes <= limits::beacon_bytes_max);
static_assert(node_id::size_bytes + 2 + limits::beacon_ports_max * (3 + scheme_bytes_max) <= content_bytes);

std::uint64_t slot_of(wall_time now) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch())
                                    / limits::beacon_slot);
}

/// The nonce of the cipher and the text under the tag: nonce ‖ slot.
byte_string nonce_with_slot(byte_view nonce, std::uint64_t slot) {
  auto out = to_bytes(nonce);
  append_le(out, slot);
  return out;
}

std::array<std::uint8_t, tag_bytes> tag_of(const namespace_secret& secret, byte_view nonce_and_slot) {
  auto key = derive_key(secret.view(), "glow beacon tag 1");
  std::array<std::uint8_t, tag_bytes> out;
  crypto_generichash(out.data(), out.size(), nonce_and_slot.data(), nonce_and_slot.size(), key.data(), key.size_bytes);
  wipe(key.value);
  return out;
}

byte_string write_content(const beacon& content) {
  auto out = to_bytes(content.node.view());
  out.push_back(content.wants_answer ? 1 : 0);
  auto count_at = out.size();
  out.push_back(0);
  for (auto& each : content.listening) {
    if (out[count_at] == limits::beacon_ports_max) break;
    if (each.scheme.empty() || each.scheme.size() > scheme_bytes_max) continue;
    out.push_back(static_cast<std::uint8_t>(each.scheme.size()));
    append(out, as_bytes(each.scheme));
    append_le(out, each.port);
    ++out[count_at];
  }
  out.resize(content_bytes);
  return out;
}

result<beacon> read_content(byte_view content) {
  const error broken{error_code::malformed, "beacon: its content does not decode"};
  beacon out;
  out.node = node_id::from(content.first(node_id::size_bytes));
  out.wants_answer = (content[node_id::size_bytes] & 1u) != 0;
  std::size_t count = content[node_id::size_bytes + 1];
  if (count > limits::beacon_ports_max) return broken;
  auto rest = content.subspan(node_id::size_bytes + 2);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t length = rest[0];
    if (length == 0 || length > scheme_bytes_max || rest.size() < length + 3 + 1) return broken;
    auto scheme = to_text(rest.subspan(1, length));
    for (char c : scheme)
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) return broken;
    out.listening.push_back({scheme, read_le<std::uint16_t>(rest.data() + 1 + length)});
    rest = rest.subspan(length + 3);
  }
  return out;
}

} // namespace

byte_string encode_beacon(const beacon& content, const namespace_secret& secret, wall_time now, random_source& random) {
  assert(!secret.is_zero());
  auto out = to_bytes(magic);
  out.push_back(version);
  out.resize(tag_at);
  random.fill({out.data() + nonce_at, nonce_bytes});
  auto nonce = nonce_with_slot({out.data() + nonce_at, nonce_bytes}, slot_of(now));
  append(out, tag_of(secret, nonce));
  auto plain = write_content(content);
  auto key = derive_key(secret.view(), "glow beacon cipher 1");
  out.resize(beacon_size_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + cipher_at, nullptr, plain.data(), plain.size(), out.data(), cipher_at,
                                             nullptr, nonce.data(), key.data());
  wipe(key.value);
  return out;
}

result<beacon> decode_beacon(byte_view datagram, const namespace_secret& secret, wall_time now) {
  if (datagram.size() != beacon_size_bytes || as_text(datagram.first(magic.size())) != magic || datagram[magic.size()] != version)
    return error{error_code::malformed, "beacon: not one of Glow, or of another version"};
  const error stranger{error_code::not_a_member, "beacon: of another namespace, too old, or forged"};
  if (secret.is_zero()) return stranger;
  auto present = slot_of(now);
  for (auto slot : {present, present - 1, present + 1}) {
    auto nonce = nonce_with_slot(datagram.subspan(nonce_at, nonce_bytes), slot);
    auto expected = tag_of(secret, nonce);
    if (sodium_memcmp(expected.data(), datagram.data() + tag_at, tag_bytes) != 0) continue;
    auto key = derive_key(secret.view(), "glow beacon cipher 1");
    byte_string plain(content_bytes);
    auto opened = crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, datagram.data() + cipher_at,
                                                             datagram.size() - cipher_at, datagram.data(), cipher_at,
                                                             nonce.data(), key.data());
    wipe(key.value);
    if (opened != 0) return stranger;
    return read_content(plain);
  }
  return stranger;
}

} // namespace glow::identity
