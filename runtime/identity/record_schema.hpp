/// Membership records, addresses and fixed-size fields between C++ and schema/identity.capnp; for this room's codecs only.
/// Refuses fields of a wrong length, and lists beyond their bounds.
#pragma once

#include "runtime/base/capnp.hpp"
#include "runtime/base/uri.hpp"
#include "runtime/identity/record.hpp"

#include "schema/identity.capnp.h"

#include <utility>

namespace glow::identity {

/// Errors: `malformed` when the field is not exactly as long as `Fixed`.
template <class Fixed>
result<Fixed> read_fixed(capnp::Data::Reader data, std::string_view field) {
  if (data.size() != Fixed::size_bytes)
    return error{error_code::malformed, std::string{field} + " must be " + std::to_string(Fixed::size_bytes) + " bytes, not "
                                          + std::to_string(data.size())};
  return Fixed::from(from_data(data));
}
/// Errors: `malformed` for a number that is no role.
result<role> read_role(std::uint8_t number);

void write_record(schema::MembershipRecord::Builder out, const membership_record& record);
result<membership_record> read_record(schema::MembershipRecord::Reader in);
void write_records(capnp::List<schema::MembershipRecord>::Builder out, const std::vector<membership_record>& records);
result<std::vector<membership_record>> read_records(capnp::List<schema::MembershipRecord>::Reader in);

void write_addresses(capnp::List<schema::NodeAddresses>::Builder out, const std::vector<node_addresses>& addresses);
/// URIs that do not parse are left out: a newer version may know more schemes.
result<std::vector<node_addresses>> read_addresses(capnp::List<schema::NodeAddresses>::Reader in);

} // namespace glow::identity
