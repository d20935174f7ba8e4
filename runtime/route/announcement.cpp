#include "runtime/route/announcement.hpp"

namespace glow::route {

namespace {

/// domain (text) | node id (32) | epoch (8, little-endian) | seqno (4, little-endian)
byte_string signed_bytes(const node_id& origin, const claim& what) {
  auto out = to_bytes("glow route announcement 1:");
  append(out, origin.view());
  append_le(out, what.epoch);
  append_le(out, what.seqno);
  return out;
}

} // namespace

signed_claim sign_claim(const identity::node_keys& origin, const claim& what) {
  return {what, origin.sign(signed_bytes(origin.id(), what))};
}

bool verify_claim(const node_id& origin, const signed_claim& said) {
  return identity::verify(origin, signed_bytes(origin, said.what), said.by_origin);
}

} // namespace glow::route
