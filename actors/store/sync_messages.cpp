#include "actors/store/sync_messages.hpp"

#include "runtime/base/capnp.hpp"
#include "runtime/store/limits.hpp"
#include "schema/store_sync.capnp.h"

namespace glow {

namespace {

using namespace schema::store_sync;

byte_string join(const std::vector<store::object_address>& addresses) {
  byte_string out;
  out.reserve(addresses.size() * store::object_address::size_bytes);
  for (auto& each : addresses) append(out, each.view());
  return out;
}

result<std::vector<store::object_address>> split(byte_view bytes) {
  constexpr auto size = store::object_address::size_bytes;
  if (bytes.size() % size != 0 || bytes.size() / size > limits::fetch_addresses_max)
    return error{error_code::malformed, "list of object addresses is too long or broken"};
  std::vector<store::object_address> out;
  for (std::size_t at = 0; at < bytes.size(); at += size) out.push_back(store::object_address::from(bytes.subspan(at, size)));
  return out;
}

} // namespace

byte_string encode_heads(const heads_message& message) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<Heads>();
  auto vector = root.initVector(static_cast<unsigned>(message.vector.size()));
  unsigned i = 0;
  for (auto& [device, sequence] : message.vector) {
    vector[i].setDevice(as_data(device.view()));
    vector[i++].setSequence(sequence);
  }
  auto commits = root.initCommits(static_cast<unsigned>(message.commits.size()));
  for (i = 0; i < commits.size(); ++i) commits.set(i, as_data(message.commits[i]));
  root.setWhole(message.whole);
  root.setDigest(message.digest);
  root.setKnown(message.known);
  root.setAsksWhole(message.asks_whole);
  return to_bytes(builder);
}

result<heads_message> decode_heads(byte_view bytes) {
  return read_message<Heads>(bytes, [](Heads::Reader root) -> result<heads_message> {
    if (root.getVector().size() > limits::commit_devices_max || root.getCommits().size() > limits::commits_per_answer_max)
      return error{error_code::malformed, "a peer's heads exceed their bounds"};
    heads_message out;
    for (auto each : root.getVector()) {
      if (each.getDevice().size() != node_id::size_bytes) return error{error_code::malformed, "a device's id has the wrong size"};
      out.vector[node_id::from(from_data(each.getDevice()))] = each.getSequence();
    }
    for (auto each : root.getCommits()) {
      if (each.size() > limits::commit_bytes_max) return error{error_code::malformed, "a commit exceeds its bound"};
      out.commits.push_back(to_bytes(from_data(each)));
    }
    out.whole = root.getWhole();
    out.digest = root.getDigest();
    out.known = root.getKnown();
    out.asks_whole = root.getAsksWhole();
    return out;
  });
}

byte_string encode_fetch(const std::vector<store::object_address>& addresses) {
  capnp::MallocMessageBuilder builder;
  builder.initRoot<Fetch>().setAddresses(as_data(join(addresses)));
  return to_bytes(builder);
}

result<std::vector<store::object_address>> decode_fetch(byte_view bytes) {
  return read_message<Fetch>(bytes, [](Fetch::Reader root) { return split(from_data(root.getAddresses())); });
}

byte_string encode_fetched(const fetched_message& message) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<Fetched>();
  auto objects = root.initObjects(static_cast<unsigned>(message.objects.size()));
  for (unsigned i = 0; i < objects.size(); ++i) objects.set(i, as_data(message.objects[i]));
  root.setAbsent(as_data(join(message.absent)));
  return to_bytes(builder);
}

result<fetched_message> decode_fetched(byte_view bytes) {
  return read_message<Fetched>(bytes, [](Fetched::Reader root) -> result<fetched_message> {
    if (root.getObjects().size() > limits::fetch_addresses_max)
      return error{error_code::malformed, "an answer holds more objects than one can ask for"};
    fetched_message out;
    auto absent = split(from_data(root.getAbsent()));
    if (!absent.ok()) return absent.why();
    out.absent = std::move(*absent);
    for (auto each : root.getObjects()) {
      if (each.size() > limits::object_sealed_bytes_max) return error{error_code::malformed, "an object exceeds its bound"};
      out.objects.push_back(to_bytes(from_data(each)));
    }
    return out;
  });
}

} // namespace glow
