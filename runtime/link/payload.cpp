#include "runtime/link/payload.hpp"

#include "runtime/base/capnp.hpp"
#include "runtime/link/frames.hpp"
#include "runtime/link/limits.hpp"
#include "schema/link.capnp.h"

namespace glow::link {
namespace {

template <class TextList>
void write_uris(TextList list, const std::vector<channel_uri>& uris) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, as_capnp_text(to_string(uris[i])));
}

result<std::vector<channel_uri>> read_uris(capnp::List<capnp::Text>::Reader list, std::size_t uris_max) {
  if (list.size() > uris_max) return error{error_code::malformed, "a peer names more listening places than allowed"};
  std::vector<channel_uri> out;
  for (auto text : list)
    if (auto uri = parse_channel_uri(from_text(text))) out.push_back(std::move(*uri));
  return out;
}

unsigned count_of(const std::vector<channel_uri>& uris, std::size_t uris_max) {
  return static_cast<unsigned>(std::min(uris.size(), uris_max));
}

result<payload> read_payload(schema::link::Payload::Reader from) {
  if (from.getNode().size() != node_id::size_bytes || from.getSpace().size() != namespace_id::size_bytes
      || from.getNonce().size() != handshake_nonce::size_bytes || from.getEchoedNonce().size() != handshake_nonce::size_bytes)
    return error{error_code::malformed, "a handshake payload has identities of the wrong size"};
  if (from.getNodeName().size() > limits::node_name_bytes_max || from.getObserved().size() > limits::uri_bytes_max
      || from.getRefusalText().size() > limits::close_text_bytes_max
      || from.getCertificate().size() > limits::handshake_bytes_max)
    return error{error_code::malformed, "a handshake payload exceeds its bounds"};
  payload out;
  out.newest = from.getNewest();
  out.oldest = from.getOldest();
  out.chosen = from.getChosen();
  out.features = from.getFeatures();
  out.session_index = from.getSessionIndex();
  out.datagram_bytes_max = from.getDatagramBytesMax();
  out.datagram_bytes_ceiling = from.getDatagramBytesCeiling();
  out.node = node_id::from(from_data(from.getNode()));
  out.space = namespace_id::from(from_data(from.getSpace()));
  out.certificate = to_bytes(from_data(from.getCertificate()));
  out.node_name = bounded_text(as_bytes(from_text(from.getNodeName())));
  out.observed = bounded_text(as_bytes(from_text(from.getObserved())));
  auto listening = read_uris(from.getListening(), limits::handshake_uris_max);
  if (!listening) return listening.why();
  out.listening = std::move(*listening);
  out.nonce = handshake_nonce::from(from_data(from.getNonce()));
  out.echoed_nonce = handshake_nonce::from(from_data(from.getEchoedNonce()));
  if (from.getRefusalCode() != 0)
    out.refusal = error{error_code_from(from.getRefusalCode()), bounded_text(as_bytes(from_text(from.getRefusalText())))};
  return out;
}

} // namespace

byte_string encode(const payload& what) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::link::Payload>();
  out.setNewest(what.newest);
  out.setOldest(what.oldest);
  out.setChosen(what.chosen);
  out.setFeatures(what.features);
  out.setSessionIndex(what.session_index);
  out.setDatagramBytesMax(what.datagram_bytes_max);
  out.setDatagramBytesCeiling(what.datagram_bytes_ceiling);
  out.setNode(as_data(what.node.view()));
  out.setSpace(as_data(what.space.view()));
  out.setCertificate(as_data(what.certificate));
  out.setNodeName(as_capnp_text(what.node_name));
  write_uris(out.initListening(count_of(what.listening, limits::handshake_uris_max)), what.listening);
  out.setObserved(as_capnp_text(what.observed));
  out.setNonce(as_data(what.nonce.view()));
  out.setEchoedNonce(as_data(what.echoed_nonce.view()));
  if (what.refusal) {
    out.setRefusalCode(static_cast<std::uint8_t>(what.refusal->code));
    out.setRefusalText(as_capnp_text(what.refusal->message.substr(0, limits::close_text_bytes_max)));
  }
  return to_bytes(message);
}

result<payload> decode_payload(byte_view bytes) { return read_message<schema::link::Payload>(bytes, read_payload); }

std::uint16_t agree_on(const payload& ours, const payload& theirs) {
  auto newest = std::min(ours.newest, theirs.newest);
  return newest >= std::max(ours.oldest, theirs.oldest) ? newest : std::uint16_t{0};
}

byte_string encode(const admission_bytes& what) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::link::Admission>();
  out.setNamespaceFile(as_data(what.namespace_file));
  write_uris(out.initAddresses(count_of(what.addresses, limits::admission_uris_max)), what.addresses);
  return to_bytes(message);
}

result<admission_bytes> decode_admission(byte_view bytes) {
  return read_message<schema::link::Admission>(bytes, [](schema::link::Admission::Reader from) -> result<admission_bytes> {
    auto addresses = read_uris(from.getAddresses(), limits::admission_uris_max);
    if (!addresses) return addresses.why();
    return admission_bytes{to_bytes(from_data(from.getNamespaceFile())), std::move(*addresses)};
  });
}

} // namespace glow::link
