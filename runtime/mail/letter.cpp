#include "runtime/mail/letter.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/mail/limits.hpp"

#include <optional>

#include <sodium.h>

namespace glow::mail {
namespace {

constexpr std::uint8_t letter_form = 1;
constexpr std::uint8_t receipt_form = 1;
constexpr std::size_t header_bytes = 1 + 32 + 32 + 5 * 8;
constexpr std::size_t signature_bytes = identity::signature::size_bytes;
constexpr std::size_t seal_bytes = crypto_box_PUBLICKEYBYTES + crypto_box_MACBYTES;
constexpr std::size_t receipt_header_bytes = 1 + 32 + 32 + 8 + 2;

error malformed(const std::string& what, const std::string& why) {
  return {error_code::malformed, what + " does not decode: " + why};
}

/// Reads fields one after another; the caller has checked that they are there.
struct field_reader {
  byte_view left;
  template <class Id>
  Id id() {
    auto out = Id::from(left.first(Id::size_bytes));
    left = left.subspan(Id::size_bytes);
    return out;
  }
  template <class Int>
  Int number() {
    auto out = read_le<Int>(left.data());
    left = left.subspan(sizeof(Int));
    return out;
  }
};

byte_string encode_header(const letter_header& header) {
  byte_string out{letter_form};
  append(out, header.way.sender.view());
  append(out, header.way.recipient.view());
  append_le(out, header.way.numbering);
  append_le(out, header.number);
  append_le(out, header.floor);
  append_le(out, static_cast<std::uint64_t>(to_unix_ms(header.sent)));
  append_le(out, static_cast<std::uint64_t>(to_unix_ms(header.expires)));
  return out;
}

using nonce = std::array<std::uint8_t, crypto_box_NONCEBYTES>;

/// The key pair of a seal is used once, so any nonce would do; this one ties the content to its header.
nonce nonce_of(byte_view ephemeral, byte_view recipient, byte_view header) {
  auto hash = identity::hash_of("glow mail seal 1", {ephemeral, recipient, header});
  nonce out;
  std::copy_n(hash.value.begin(), out.size(), out.begin());
  return out;
}

identity::signature sign(std::string_view domain, byte_view content, const identity::node_keys& keys) {
  return keys.sign(identity::hash_of(domain, {content}).view());
}

/// Whether the last 64 bytes are the signer's over what is before them.
bool is_signed(std::string_view domain, byte_view bytes, const node_id& signer) {
  auto content = bytes.first(bytes.size() - signature_bytes);
  return identity::verify(signer, identity::hash_of(domain, {content}).view(),
                          identity::signature::from(bytes.last(signature_bytes)));
}

constexpr std::string_view letter_domain = "glow mail letter 1";
constexpr std::string_view receipt_domain = "glow mail receipt 1";

bool is_calendar_time(std::uint64_t ms) { return ms < 1ull << 48; } // ten thousand years: sums of them do not overflow

} // namespace

letter_id id_of(const lane& way, std::uint64_t number) {
  byte_string numbers;
  append_le(numbers, way.numbering);
  append_le(numbers, number);
  auto hash = identity::hash_of("glow mail id 1", {way.sender.view(), way.recipient.view(), numbers});
  return letter_id::from(hash.view().first(letter_id::size_bytes));
}

bool is_box_name(std::string_view text) {
  auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= limits::box_name_bytes_max && std::all_of(text.begin(), text.end(), allowed);
}

result<byte_string> seal_letter(const letter_header& header, const letter_content& content, const identity::node_keys& keys,
                                random_source& random) {
  assert(keys.id() == header.way.sender && is_box_name(content.box) && content.body.size() <= limits::mail_body_bytes_max);
  auto to = identity::x25519_of(header.way.recipient);
  if (!to) return to.why();
  identity::key_seed seed;
  random.fill(seed.value);
  identity::x25519_public_key ephemeral;
  identity::x25519_secret_key secret;
  crypto_box_seed_keypair(ephemeral.data(), secret.data(), seed.data());
  identity::wipe(seed.value);
  auto out = encode_header(header);
  auto with = nonce_of(ephemeral.view(), to->view(), out);
  byte_string plain{static_cast<std::uint8_t>(content.box.size())};
  append(plain, as_bytes(content.box));
  append(plain, content.body);
  append(out, ephemeral.view());
  auto at = out.size();
  out.resize(at + crypto_box_MACBYTES + plain.size());
  auto failed = crypto_box_easy(out.data() + at, plain.data(), plain.size(), with.data(), to->data(), secret.data());
  identity::wipe(secret.value);
  if (failed != 0) return error{error_code::malformed, "the recipient's id is no usable key: check the node's name"};
  append(out, sign(letter_domain, out, keys).view());
  return out;
}

result<letter_header> read_letter(byte_view bytes) {
  if (bytes.size() < header_bytes + seal_bytes + 2 + signature_bytes || bytes.size() > limits::letter_bytes_max)
    return malformed("letter", "impossible length " + std::to_string(bytes.size()));
  if (bytes.front() != letter_form)
    return malformed("letter", "form " + std::to_string(bytes.front()) + " is unknown here: update glow on this node");
  field_reader in{bytes.subspan(1)};
  letter_header out;
  out.way.sender = in.id<node_id>();
  out.way.recipient = in.id<node_id>();
  out.way.numbering = in.number<std::uint64_t>();
  out.number = in.number<std::uint64_t>();
  out.floor = in.number<std::uint64_t>();
  auto sent = in.number<std::uint64_t>();
  auto expires = in.number<std::uint64_t>();
  if (out.number == UINT64_MAX || out.floor > out.number) return malformed("letter", "impossible number");
  if (!is_calendar_time(sent) || !is_calendar_time(expires)) return malformed("letter", "impossible time");
  out.sent = from_unix_ms(static_cast<std::int64_t>(sent));
  out.expires = from_unix_ms(static_cast<std::int64_t>(expires));
  if (!is_signed(letter_domain, bytes, out.way.sender))
    return error{error_code::tampered, "letter " + to_short_string(out.id()) + "…: its sender has not signed it"};
  return out;
}

result<letter_content> open_letter(byte_view bytes, const identity::node_keys& keys) {
  assert(bytes.size() >= header_bytes + seal_bytes + signature_bytes);
  auto header = bytes.first(header_bytes);
  auto ephemeral = bytes.subspan(header_bytes, crypto_box_PUBLICKEYBYTES);
  auto sealed = bytes.subspan(header_bytes + crypto_box_PUBLICKEYBYTES);
  sealed = sealed.first(sealed.size() - signature_bytes);
  auto with = nonce_of(ephemeral, keys.x25519_public().view(), header);
  byte_string plain(sealed.size() - crypto_box_MACBYTES);
  if (crypto_box_open_easy(plain.data(), sealed.data(), sealed.size(), with.data(), ephemeral.data(), keys.x25519_secret().data())
      != 0)
    return error{error_code::tampered, "a letter does not open with this node's key"};
  if (plain.empty() || plain.size() < 1u + plain.front()) return malformed("letter", "its content is cut off");
  auto name_end = plain.begin() + 1 + plain.front();
  letter_content out{std::string{plain.begin() + 1, name_end}, {name_end, plain.end()}};
  if (!is_box_name(out.box)) return malformed("letter", "it is for a box with an impossible name");
  if (out.body.size() > limits::mail_body_bytes_max) return malformed("letter", "it is too long");
  return out;
}

byte_string sign_receipt(const receipt& told, const identity::node_keys& keys) {
  assert(keys.id() == told.way.recipient && told.received.ranges().size() <= limits::number_ranges_max);
  byte_string out{receipt_form};
  append(out, told.way.recipient.view());
  append(out, told.way.sender.view());
  append_le(out, told.way.numbering);
  append_le(out, static_cast<std::uint16_t>(told.received.ranges().size()));
  for (auto& each : told.received.ranges()) {
    append_le(out, each.begin);
    append_le(out, each.end);
  }
  append(out, sign(receipt_domain, out, keys).view());
  return out;
}

result<receipt> read_receipt(byte_view bytes) {
  if (bytes.size() < receipt_header_bytes + signature_bytes || bytes.front() != receipt_form)
    return malformed("receipt", "too short, or of an unknown form");
  field_reader in{bytes.subspan(1)};
  receipt out;
  out.way.recipient = in.id<node_id>();
  out.way.sender = in.id<node_id>();
  out.way.numbering = in.number<std::uint64_t>();
  std::size_t count = in.number<std::uint16_t>();
  if (count > limits::number_ranges_max || in.left.size() != count * 16 + signature_bytes)
    return malformed("receipt", "impossible length");
  std::optional<std::uint64_t> last_end;
  for (std::size_t i = 0; i < count; ++i) {
    number_range each;
    each.begin = in.number<std::uint64_t>();
    each.end = in.number<std::uint64_t>();
    if (each.begin >= each.end || (last_end && each.begin <= *last_end))
      return malformed("receipt", "its ranges are out of order");
    last_end = each.end;
    out.received.insert(each);
  }
  if (!is_signed(receipt_domain, bytes, out.way.recipient))
    return error{error_code::tampered, "a receipt that its recipient has not signed"};
  return out;
}

byte_string encode_question(const lane& way) {
  auto out = to_bytes(way.sender.view());
  append_le(out, way.numbering);
  return out;
}

result<lane> read_question(byte_view bytes, const node_id& recipient) {
  if (bytes.size() != 40) return malformed("question for a receipt", "impossible length");
  return lane{node_id::from(bytes.first(32)), recipient, read_le<std::uint64_t>(bytes.data() + 32)};
}

} // namespace glow::mail
