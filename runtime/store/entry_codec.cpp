#include "runtime/store/entry_codec.hpp"

#include "runtime/identity/record.hpp"
#include "runtime/store/limits.hpp"

namespace glow::store {

namespace {

constexpr std::size_t packed_chunk_bytes = 32 + 32 + 4;

} // namespace

std::uint16_t device_table::index_of(const node_id& device) {
  auto [at, is_new] = index_.emplace(device, static_cast<std::uint16_t>(index_.size()));
  if (is_new) append(bytes_, device.view());
  return at->second;
}

byte_string pack_chunks(const std::vector<chunk_ref>& chunks) {
  byte_string out;
  out.reserve(chunks.size() * packed_chunk_bytes);
  for (auto& each : chunks) {
    append(out, each.id.view());
    append(out, each.address.view());
    append_le(out, each.plain_bytes);
  }
  return out;
}

result<std::vector<chunk_ref>> unpack_chunks(byte_view packed, std::size_t count_max) {
  if (packed.size() % packed_chunk_bytes != 0 || packed.size() / packed_chunk_bytes > count_max)
    return error{error_code::malformed, "list of chunks of impossible size"};
  std::vector<chunk_ref> chunks;
  chunks.reserve(packed.size() / packed_chunk_bytes);
  for (std::size_t at = 0; at < packed.size(); at += packed_chunk_bytes) {
    chunk_ref one;
    one.id = chunk_id::from(packed.subspan(at, 32));
    one.address = object_address::from(packed.subspan(at + 32, 32));
    one.plain_bytes = read_le<std::uint32_t>(packed.data() + at + 64);
    if (one.plain_bytes > limits::object_plain_bytes_max)
      return error{error_code::malformed, "chunk larger than any chunk may be"};
    chunks.push_back(one);
  }
  return chunks;
}

void write_entry(schema::TreeEntry::Builder out, const tree_entry& entry, device_table& devices) {
  out.setPath(as_data(as_bytes(entry.path)));
  out.setKind(static_cast<std::uint8_t>(entry.kind));
  out.setMode(entry.mode);
  out.setModifiedNs(entry.modified_ns);
  out.setSize(entry.size);
  if (!entry.target.empty()) out.setTarget(as_data(as_bytes(entry.target)));
  if (!entry.content.is_zero()) out.setContent(as_data(entry.content.view()));
  if (!entry.chunks.empty()) out.setChunks(as_data(pack_chunks(entry.chunks)));
  if (!entry.chunk_lists.empty()) out.setChunkLists(as_data(pack_ids(entry.chunk_lists)));
  out.setStampTimeMs(to_unix_ms(entry.stamp.time));
  out.setStampDevice(devices.index_of(entry.stamp.device));
  out.setStampSequence(entry.stamp.sequence);
  out.setRevision(entry.revision);
}

result<tree_entry> read_entry(schema::TreeEntry::Reader in, byte_view devices) {
  tree_entry entry;
  auto path = from_data(in.getPath());
  if (path.empty() || path.size() > limits::path_bytes_max) return error{error_code::malformed, "entry with an impossible path"};
  if (in.getKind() > static_cast<std::uint8_t>(entry_kind::tombstone))
    return error{error_code::malformed, "entry of unknown kind " + std::to_string(in.getKind())};
  if (in.getTarget().size() > limits::symlink_bytes_max)
    return error{error_code::malformed, "symbolic link with an impossible target"};
  if (in.getContent().size() != 0 && in.getContent().size() != 32)
    return error{error_code::malformed, "entry with a broken digest"};
  auto device_at = std::size_t{in.getStampDevice()} * node_id::size_bytes;
  if (device_at + node_id::size_bytes > devices.size()) return error{error_code::malformed, "entry of an unlisted device"};
  // the next write of this path is dated a little later: that must be a time as well
  if (!identity::is_record_time(in.getStampTimeMs())) return error{error_code::malformed, "entry with an impossible time"};
  auto chunks = unpack_chunks(from_data(in.getChunks()), limits::object_plain_bytes_max / packed_chunk_bytes);
  if (!chunks) return chunks.why();
  auto lists = unpack_ids<object_address>(from_data(in.getChunkLists()), limits::file_chunk_lists_max);
  if (!lists) return lists.why();

  entry.path = to_text(path);
  entry.kind = static_cast<entry_kind>(in.getKind());
  entry.mode = in.getMode();
  entry.modified_ns = in.getModifiedNs();
  entry.size = in.getSize();
  entry.target = to_text(from_data(in.getTarget()));
  entry.content = digest::from(from_data(in.getContent()));
  entry.chunks = std::move(*chunks);
  entry.chunk_lists = std::move(*lists);
  entry.stamp.time = from_unix_ms(in.getStampTimeMs());
  entry.stamp.device = node_id::from(devices.subspan(device_at, node_id::size_bytes));
  entry.stamp.sequence = in.getStampSequence();
  entry.revision = in.getRevision();
  return entry;
}

} // namespace glow::store
