// Certificates of membership.hpp: admit records from a node up to the root, without what the chain implies.
#include "runtime/base/base32.hpp"
#include "runtime/identity/limits.hpp"
#include "runtime/identity/membership.hpp"
#include "runtime/identity/record_schema.hpp"

namespace glow::identity {
namespace {

error malformed(std::string why) { return {error_code::malformed, "certificate: " + std::move(why)}; }
error refused(std::string why) { return {error_code::not_a_member, "certificate: " + std::move(why)}; }

struct chain {
  namespace_id space;
  std::vector<membership_record> records; ///< leaf first
};

result<membership_record> read_link(schema::CertificateLink::Reader in) {
  auto as = read_role(in.getRole());
  if (!as) return as.why();
  auto subject = read_fixed<node_id>(in.getSubject(), "subject");
  if (!subject) return subject.why();
  auto signed_by_issuer = read_fixed<signature>(in.getSignature(), "signature");
  if (!signed_by_issuer) return signed_by_issuer.why();
  if (in.getName().size() > limits::node_name_bytes_max) return malformed("name too long");
  if (in.getExtension().size() > limits::record_extension_bytes_max) return malformed("extension too long");
  membership_record out;
  if (in.getTicketId().size() != 0) {
    auto ticket = read_fixed<digest>(in.getTicketId(), "ticket id");
    if (!ticket) return ticket.why();
    out.ticket = *ticket;
  }
  out.kind = record_kind::admit;
  out.as = *as;
  out.at = from_unix_ms(in.getAtUnixMs());
  out.subject = *subject;
  out.name = from_text(in.getName());
  out.extension = to_bytes(from_data(in.getExtension()));
  out.signed_by_issuer = *signed_by_issuer;
  return out;
}

result<chain> read_chain(schema::Certificate::Reader in) {
  auto space = read_fixed<namespace_id>(in.getNamespaceId(), "namespace id");
  if (!space) return space.why();
  if (in.getLinks().size() == 0) return malformed("empty");
  if (in.getLinks().size() > limits::certificate_records_max) return malformed("chain too long");
  chain out{*space, {}};
  for (auto each : in.getLinks()) {
    auto link = read_link(each);
    if (!link) return link.why();
    out.records.push_back(std::move(*link));
  }
  for (std::size_t i = 0; i < out.records.size(); ++i) {
    out.records[i].space = *space;
    out.records[i].issuer = i + 1 < out.records.size() ? out.records[i + 1].subject : node_id{space->value};
  }
  return out;
}

} // namespace

result<byte_string> encode_certificate(const namespace_id& space, const std::vector<const membership_record*>& chain) {
  auto too_long = error{error_code::exhausted, "the chain from node '" + chain.front()->name
                                                 + "' to the namespace's root is too long for a certificate: "
                                                   "let an admin nearer to the founder invite it"};
  if (chain.size() > limits::certificate_records_max) return too_long;
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Certificate>();
  root.setNamespaceId(as_data(space.view()));
  auto links = root.initLinks(static_cast<unsigned>(chain.size()));
  for (unsigned i = 0; i < links.size(); ++i) {
    auto& record = *chain[i];
    links[i].setRole(static_cast<std::uint8_t>(record.as));
    links[i].setAtUnixMs(to_unix_ms(record.at));
    links[i].setSubject(as_data(record.subject.view()));
    links[i].setName(as_capnp_text(record.name));
    if (record.ticket) links[i].setTicketId(as_data(record.ticket->view()));
    if (!record.extension.empty()) links[i].setExtension(as_data(record.extension));
    links[i].setSignature(as_data(record.signed_by_issuer.view()));
  }
  auto bytes = to_bytes(message);
  if (bytes.size() > limits::certificate_bytes_max) return too_long;
  return bytes;
}

result<std::vector<membership_record>> records_of_certificate(const namespace_id& space, const node_id& node,
                                                              byte_view certificate) {
  if (certificate.empty()) return refused("node " + to_short_string(node) + "… showed none");
  if (certificate.size() > limits::certificate_bytes_max) return malformed("too long");
  auto read = read_message<schema::Certificate>(certificate, read_chain);
  if (!read) return read.why();
  if (read->space != space)
    return refused("node " + to_short_string(node) + "… belongs to another namespace (" + to_short_string(read->space) + "…)");
  auto& records = read->records;
  if (records.front().subject != node)
    return refused("it was made for node " + to_short_string(records.front().subject) + "…, not for " + to_short_string(node)
                   + "…, which shows it");
  for (auto& each : records)
    if (auto checked = check_record(each); !checked) return error{checked.why().code, "certificate: " + checked.why().message};
  for (std::size_t i = 1; i < records.size(); ++i) {
    if (records[i].as != role::admin) return refused("'" + records[i].name + "' was no admin and may not admit anybody");
    if (records[i - 1].at < records[i].at) return refused("'" + records[i].name + "' admitted a node before it was a member");
  }
  return std::move(records);
}

result<member> verify_certificate(const namespace_id& space, const node_id& node, byte_view certificate) {
  auto records = records_of_certificate(space, node, certificate);
  if (!records) return records.why();
  auto& leaf = records->front();
  return member{leaf.subject, leaf.name, leaf.as, leaf.at};
}

} // namespace glow::identity
