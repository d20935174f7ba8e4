#include "runtime/identity/ticket.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/identity/limits.hpp"
#include "runtime/identity/record_schema.hpp"

#include <capnp/serialize-packed.h>
#include <kj/io.h>

namespace glow::identity {
namespace {

constexpr std::string_view prefix = "glow:";
constexpr std::string_view signed_domain = "glow ticket 1";
constexpr std::uint8_t format = 1;
constexpr std::size_t header_bytes = 1 + signature::size_bytes;
constexpr std::size_t content_words_max = 256;

error malformed(const std::string& why) {
  return {error_code::malformed, "this is no whole ticket (" + why + "): copy all of it, from glow: to the end"};
}

byte_string signed_bytes(byte_view packed) {
  auto out = to_bytes(signed_domain);
  out.push_back(0);
  append(out, packed);
  return out;
}

byte_string pack(capnp::MessageBuilder& message) {
  kj::VectorOutputStream out;
  capnp::writePackedMessage(out, message);
  return {out.getArray().begin(), out.getArray().end()};
}

/// Bounded before a byte is allocated: a packed zero run may stand for a thousand times its length.
result<byte_string> unpack(byte_view packed) {
  try {
    kj::ArrayPtr<const kj::byte> from{packed.data(), packed.size()};
    auto words = capnp::computeUnpackedSizeInWords(from);
    if (words == 0 || words > content_words_max) return malformed("impossible size");
    byte_string out(words * sizeof(capnp::word));
    kj::ArrayInputStream input{from};
    capnp::_::PackedInputStream unpacked{input};
    unpacked.read(out.data(), out.size());
    return out;
  } catch (const kj::Exception&) {
    return malformed("broken packing");
  }
}

result<ticket> read_content(schema::TicketContent::Reader in) {
  auto space = read_fixed<namespace_id>(in.getNamespaceId(), "namespace id");
  if (!space) return malformed(space.why().message);
  auto secret = read_fixed<ticket_psk>(in.getSecret(), "secret");
  if (!secret) return malformed(secret.why().message);
  auto inviter = read_fixed<node_id>(in.getInviter(), "inviter");
  if (!inviter) return malformed(inviter.why().message);
  auto as = read_role(in.getRole());
  if (!as) return malformed(as.why().message);
  if (!is_node_name(from_text(in.getNamespaceName()))) return malformed("the namespace's name is not allowed");
  if (in.getAddresses().size() > limits::ticket_addresses_max) return malformed("too many addresses");
  if (!is_record_time(in.getExpiresUnixMs())) return malformed("its expiry is out of range");
  ticket out{*space, from_text(in.getNamespaceName()), *secret, *inviter, *as, from_unix_ms(in.getExpiresUnixMs()), {}};
  for (auto text : in.getAddresses())
    if (auto uri = parse_channel_uri(from_text(text))) out.addresses.push_back(std::move(*uri));
  return out;
}

} // namespace

digest ticket_id_of(const ticket_psk& secret) { return hash_of("glow ticket id 1", {secret.view()}); }

digest ticket::id() const { return ticket_id_of(secret); }

std::string to_text(const ticket& invitation, const node_keys& inviter) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::TicketContent>();
  root.setNamespaceId(as_data(invitation.space.view()));
  root.setNamespaceName(as_capnp_text(invitation.namespace_name));
  root.setSecret(as_data(invitation.secret.view()));
  root.setInviter(as_data(inviter.id().view()));
  root.setRole(static_cast<std::uint8_t>(invitation.as));
  root.setExpiresUnixMs(to_unix_ms(invitation.expires));
  // as many as fit: 16 URIs of ordinary length do, long ones give way to the better ones before them
  std::vector<std::string> texts;
  std::size_t room = content_words_max * sizeof(capnp::word) / 2;
  for (auto& each : invitation.addresses) {
    auto text = to_string(each);
    if (texts.size() == limits::ticket_addresses_max || text.size() + 16 > room) break;
    room -= text.size() + 16; // its pointer and padding
    texts.push_back(std::move(text));
  }
  auto addresses = root.initAddresses(static_cast<unsigned>(texts.size()));
  for (unsigned i = 0; i < addresses.size(); ++i) addresses.set(i, as_capnp_text(texts[i]));
  auto packed = pack(message);
  byte_string bytes{format};
  append(bytes, inviter.sign(signed_bytes(packed)).view());
  append(bytes, packed);
  return std::string{prefix} + to_base32(bytes);
}

result<ticket> parse_ticket(std::string_view text) {
  if (text.size() > 2 * limits::ticket_text_bytes_max) return malformed("too long");
  std::string plain;
  for (char c : text)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
      plain.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  if (!plain.starts_with(prefix)) return malformed("it does not start with glow:");
  if (plain.size() > limits::ticket_text_bytes_max) return malformed("too long");
  auto bytes = from_base32(std::string_view{plain}.substr(prefix.size()));
  if (!bytes) return malformed(bytes.why().message);
  if (bytes->size() <= header_bytes) return malformed("too short");
  if (bytes->front() != format)
    return error{error_code::malformed, "this ticket has format " + std::to_string(bytes->front())
                                          + ", which this version of glow does not know: update glow on this device"};
  auto packed = byte_view{*bytes}.subspan(header_bytes);
  auto content = unpack(packed);
  if (!content) return content.why();
  auto out = read_message<schema::TicketContent>(*content, read_content);
  if (!out) return out;
  if (!verify(out->inviter, signed_bytes(packed), signature::from(byte_view{*bytes}.subspan(1, signature::size_bytes))))
    return error{error_code::tampered, "this ticket was altered or mistyped: its signature does not verify; ask for it again"};
  return out;
}

result<void> check_expiry(const ticket& invitation, wall_time now) {
  if (now < invitation.expires) return {};
  auto ago = std::chrono::duration_cast<std::chrono::minutes>(now - invitation.expires).count();
  return error{error_code::expired, "this ticket expired " + std::to_string(ago) + " min ago: ask '" + invitation.namespace_name
                                      + "' for a new one (glow invite)"};
}

} // namespace glow::identity
