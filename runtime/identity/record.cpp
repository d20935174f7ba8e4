#include "runtime/identity/record.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/identity/limits.hpp"
#include "runtime/identity/record_schema.hpp"

namespace glow::identity {
namespace {

constexpr std::string_view record_domain = "glow membership record 1";

error malformed(std::string why) { return {error_code::malformed, "membership record: " + std::move(why)}; }

} // namespace

digest digest_of(const membership_record& record) {
  const std::uint8_t kind = static_cast<std::uint8_t>(record.kind);
  const std::uint8_t as = static_cast<std::uint8_t>(record.as);
  byte_string at;
  append_le(at, static_cast<std::uint64_t>(to_unix_ms(record.at)));
  return hash_of(record_domain, {record.space.view(),
                                 {&kind, 1},
                                 {&as, 1},
                                 at,
                                 record.subject.view(),
                                 as_bytes(record.name),
                                 record.ticket ? record.ticket->view() : byte_view{},
                                 record.issuer.view(),
                                 record.extension});
}

void sign_record(membership_record& record, const node_keys& issuer) {
  record.issuer = issuer.id();
  record.signed_by_issuer = issuer.sign(digest_of(record).view());
}

result<void> check_record(const membership_record& record) {
  if (record.extension.size() > limits::record_extension_bytes_max) return malformed("extension too long");
  if (!is_record_time(to_unix_ms(record.at))) return malformed("its time is out of range");
  switch (record.kind) {
  case record_kind::create:
    if (!record.issued_by_root()) return malformed("a namespace is created by its root key only");
    [[fallthrough]];
  case record_kind::admit:
    if (!is_node_name(record.name))
      return malformed("name '" + to_hex(as_bytes(record.name.substr(0, 64))) + "' (hex) is not allowed");
    break;
  case record_kind::expel:
    if (!record.name.empty() || record.ticket) return malformed("an expulsion has neither name nor ticket");
    break;
  }
  if (record.subject.is_zero()) return malformed("no subject");
  if (!verify(record.issuer, digest_of(record).view(), record.signed_by_issuer))
    return error{error_code::tampered, "membership record on node " + to_short_string(record.subject)
                                         + "…: its signature does not verify; it was altered or damaged on the way"};
  return {};
}

byte_string encode_record(const membership_record& record) {
  capnp::MallocMessageBuilder message;
  write_record(message.initRoot<schema::MembershipRecord>(), record);
  return to_bytes(message);
}

result<membership_record> decode_record(byte_view bytes) { return read_message<schema::MembershipRecord>(bytes, read_record); }

byte_string encode_records(const std::vector<membership_record>& records) {
  capnp::MallocMessageBuilder message;
  write_records(message.initRoot<schema::RecordList>().initRecords(static_cast<unsigned>(records.size())), records);
  return to_bytes(message);
}

result<std::vector<membership_record>> decode_records(byte_view bytes) {
  return read_message<schema::RecordList>(bytes, [](schema::RecordList::Reader list) { return read_records(list.getRecords()); });
}

result<role> read_role(std::uint8_t number) {
  if (number > static_cast<std::uint8_t>(role::guest)) return malformed("unknown role " + std::to_string(number));
  return static_cast<role>(number);
}

void write_record(schema::MembershipRecord::Builder out, const membership_record& record) {
  out.setNamespaceId(as_data(record.space.view()));
  out.setKind(static_cast<std::uint8_t>(record.kind));
  out.setRole(static_cast<std::uint8_t>(record.as));
  out.setAtUnixMs(to_unix_ms(record.at));
  out.setSubject(as_data(record.subject.view()));
  if (!record.name.empty()) out.setName(as_capnp_text(record.name));
  if (record.ticket) out.setTicketId(as_data(record.ticket->view()));
  out.setIssuer(as_data(record.issuer.view()));
  if (!record.extension.empty()) out.setExtension(as_data(record.extension));
  out.setSignature(as_data(record.signed_by_issuer.view()));
}

result<membership_record> read_record(schema::MembershipRecord::Reader in) {
  auto space = read_fixed<namespace_id>(in.getNamespaceId(), "namespace id");
  if (!space) return space.why();
  auto subject = read_fixed<node_id>(in.getSubject(), "subject");
  if (!subject) return subject.why();
  auto issuer = read_fixed<node_id>(in.getIssuer(), "issuer");
  if (!issuer) return issuer.why();
  auto signed_by_issuer = read_fixed<signature>(in.getSignature(), "signature");
  if (!signed_by_issuer) return signed_by_issuer.why();
  auto as = read_role(in.getRole());
  if (!as) return as.why();
  if (in.getKind() > static_cast<std::uint8_t>(record_kind::expel))
    return malformed("unknown kind " + std::to_string(in.getKind()));
  if (in.getName().size() > limits::node_name_bytes_max) return malformed("name too long");
  if (in.getExtension().size() > limits::record_extension_bytes_max) return malformed("extension too long");
  membership_record out;
  if (in.getTicketId().size() != 0) {
    auto ticket = read_fixed<digest>(in.getTicketId(), "ticket id");
    if (!ticket) return ticket.why();
    out.ticket = *ticket;
  }
  out.space = *space;
  out.kind = static_cast<record_kind>(in.getKind());
  out.as = *as;
  out.at = from_unix_ms(in.getAtUnixMs());
  out.subject = *subject;
  out.name = from_text(in.getName());
  out.issuer = *issuer;
  out.extension = to_bytes(from_data(in.getExtension()));
  out.signed_by_issuer = *signed_by_issuer;
  return out;
}

void write_records(capnp::List<schema::MembershipRecord>::Builder out, const std::vector<membership_record>& records) {
  for (unsigned i = 0; i < out.size(); ++i) write_record(out[i], records[i]);
}

result<std::vector<membership_record>> read_records(capnp::List<schema::MembershipRecord>::Reader in) {
  if (in.size() > limits::membership_records_max) return malformed("a list of " + std::to_string(in.size()) + " is too long");
  std::vector<membership_record> out;
  out.reserve(in.size());
  for (auto each : in) {
    auto record = read_record(each);
    if (!record) continue; // a kind or role of a later version: not understood here, no reason to refuse the rest
    out.push_back(std::move(*record));
  }
  return out;
}

void write_addresses(capnp::List<schema::NodeAddresses>::Builder out, const std::vector<node_addresses>& addresses) {
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setNode(as_data(addresses[i].first.view()));
    auto uris = out[i].initUris(static_cast<unsigned>(addresses[i].second.size()));
    for (unsigned k = 0; k < uris.size(); ++k) uris.set(k, as_capnp_text(to_string(addresses[i].second[k])));
  }
}

result<std::vector<node_addresses>> read_addresses(capnp::List<schema::NodeAddresses>::Reader in) {
  if (in.size() > limits::addressed_members_max) return error{error_code::malformed, "addresses of too many nodes"};
  std::vector<node_addresses> out;
  for (auto each : in) {
    auto node = read_fixed<node_id>(each.getNode(), "node id");
    if (!node) return node.why();
    if (each.getUris().size() > limits::addresses_per_member_max)
      return error{error_code::malformed, "too many addresses of node " + to_short_string(*node)};
    node_addresses entry{*node, {}};
    for (auto text : each.getUris()) {
      auto uri = parse_channel_uri(from_text(text));
      if (uri) entry.second.push_back(std::move(*uri));
    }
    out.push_back(std::move(entry));
  }
  return out;
}

} // namespace glow::identity
