// The file form of namespace_state: what a node keeps, and what a joiner is sent.
#include "runtime/identity/limits.hpp"
#include "runtime/identity/namespace_state.hpp"
#include "runtime/identity/record_schema.hpp"

namespace glow::identity {
namespace {

constexpr std::uint16_t file_format = 1;

error damaged(error_code code, const std::string& why) { return {code, "namespace file is damaged: " + why}; }
error damaged(const error& why) { return damaged(why.code, why.message); }

} // namespace

struct namespace_state::tickets_in_file {
  capnp::List<schema::TicketState>::Reader list;
};

byte_string namespace_state::encode() const { return encode_file(true, true, known_addresses(true)); }

byte_string namespace_state::encode_admission(const node_id& joiner) const {
  auto admitted = roster_->find(joiner);
  auto addresses = known_addresses(true);
  std::erase_if(addresses, [&](const node_addresses& each) { return each.first == joiner; });
  return encode_file(false, admitted && admitted->as != role::guest, addresses);
}

byte_string namespace_state::encode_file(bool whole, bool with_secret, const std::vector<node_addresses>& addresses) const {
  capnp::MallocMessageBuilder message;
  auto file = message.initRoot<schema::NamespaceFile>();
  file.setFormat(file_format);
  file.setNamespaceId(as_data(log_.space().view()));
  file.setName(as_capnp_text(roster_->name));
  if (whole && root_seed_) file.setRootSeed(as_data(root_seed_->view()));
  if (with_secret && !secret_.is_zero()) file.setSecret(as_data(secret_.view()));
  auto records = log_.all();
  write_records(file.initRecords(static_cast<unsigned>(records.size())), records);
  write_addresses(file.initAddresses(static_cast<unsigned>(addresses.size())), addresses);
  if (!whole) return to_bytes(message);
  auto tickets = file.initTickets(static_cast<unsigned>(tickets_.size()));
  unsigned i = 0;
  for (auto& each : tickets_) {
    tickets[i].setId(as_data(each.id.view()));
    tickets[i].setSecret(as_data(each.secret.view()));
    tickets[i].setRole(static_cast<std::uint8_t>(each.as));
    tickets[i].setExpiresUnixMs(to_unix_ms(each.expires));
    if (each.used_by) tickets[i].setUsedBy(as_data(each.used_by->view()));
    ++i;
  }
  return to_bytes(message);
}

result<namespace_state> namespace_state::decode(byte_view bytes, const node_keys& self) {
  if (bytes.size() > limits::namespace_file_bytes_max) return damaged(error_code::malformed, "too long");
  return read_message<schema::NamespaceFile>(bytes, [&](schema::NamespaceFile::Reader file) -> result<namespace_state> {
    if (file.getFormat() != file_format)
      return error{error_code::malformed, "namespace file has format " + std::to_string(file.getFormat())
                                            + ", which this version of glow does not know: update glow"};
    auto space = read_fixed<namespace_id>(file.getNamespaceId(), "namespace id");
    if (!space) return damaged(space.why());
    namespace_state out{self, *space};
    if (file.getRootSeed().size() != 0) {
      auto seed = read_fixed<key_seed>(file.getRootSeed(), "root seed");
      if (!seed) return damaged(seed.why());
      if (node_keys::from_seed(*seed).id().value != space->value)
        return damaged(error_code::malformed, "its root seed belongs to another namespace");
      out.root_seed_ = *seed;
    }
    if (file.getSecret().size() != 0) {
      auto secret = read_fixed<namespace_secret>(file.getSecret(), "secret");
      if (!secret) return damaged(secret.why());
      out.secret_ = *secret;
    }
    auto records = read_records(file.getRecords());
    if (!records) return damaged(records.why());
    for (auto& each : *records)
      if (auto added = out.log_.add(std::move(each)); !added) return damaged(added.why());
    out.evaluate();
    if (auto read = out.read_tickets({file.getTickets()}); !read) return damaged(read.why());
    auto addresses = read_addresses(file.getAddresses());
    if (!addresses) return damaged(addresses.why());
    for (auto& [node, uris] : *addresses) out.remember_addresses(node, uris);
    return out;
  });
}

result<void> namespace_state::read_tickets(const tickets_in_file& file) {
  if (file.list.size() > limits::open_tickets_max) return error{error_code::malformed, "too many tickets"};
  for (auto each : file.list) {
    auto ticket = read_fixed<digest>(each.getId(), "ticket id");
    if (!ticket) return ticket.why();
    auto secret = read_fixed<ticket_psk>(each.getSecret(), "ticket secret");
    if (!secret) return secret.why();
    auto as = read_role(each.getRole());
    if (!as) return as.why();
    if (!is_record_time(each.getExpiresUnixMs())) return error{error_code::malformed, "a ticket's expiry is out of range"};
    issued_ticket read{*ticket, *secret, *as, from_unix_ms(each.getExpiresUnixMs()), std::nullopt};
    if (each.getUsedBy().size() != 0) {
      auto user = read_fixed<node_id>(each.getUsedBy(), "node id");
      if (!user) return user.why();
      read.used_by = *user;
    }
    tickets_.push_back(read);
  }
  return {};
}

} // namespace glow::identity
