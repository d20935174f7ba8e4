#include "runtime/store/file_writer.hpp"

#include "runtime/store/limits.hpp"
#include "runtime/store/tree_cursor.hpp"
#include "runtime/store/tree_node.hpp"

namespace glow::store {

file_writer::file_writer(chunk_store& chunks, std::shared_ptr<const gear_table> gear)
  : chunks_{chunks}, cutter_{std::move(gear)} {}

result<void> file_writer::write(byte_view bytes) {
  while (!bytes.empty()) {
    auto used = cutter_.feed(bytes);
    auto part = bytes.first(used);
    bytes = bytes.subspan(used);
    if (!cutter_.cut_here()) {
      append(pending_, part);
      continue;
    }
    if (!pending_.empty()) {
      append(pending_, part);
      part = pending_;
    } // else the whole chunk lies in `bytes`: no copy
    auto ended = end_chunk(part);
    pending_.clear();
    if (!ended) return ended;
  }
  return {};
}

result<tree_entry> file_writer::finish() {
  if (!pending_.empty())
    if (auto ended = end_chunk(pending_); !ended) return ended.why();
  if (auto flushed = flush(); !flushed) return flushed.why();
  auto done = std::move(entry_);
  done.kind = entry_kind::file;
  done.content = content_of(done.chunks);
  entry_ = {};
  pending_.clear();
  cutter_.reset();
  return done;
}

result<void> file_writer::end_chunk(byte_view plain) {
  auto ref = chunks_.put_chunk(plain, batch_);
  if (!ref) return ref.why();
  entry_.chunks.push_back(*ref);
  entry_.size += plain.size();
  return batch_.size_bytes() >= limits::write_batch_bytes ? flush() : result<void>{};
}

result<void> file_writer::flush() {
  if (batch_.empty()) return {};
  auto written = chunks_.db().write(batch_, durable::no);
  batch_.clear();
  return written;
}

or_missing<std::vector<chunk_ref>> chunks_of(chunk_store& chunks, const tree_entry& file) {
  using answer = std::variant<std::vector<chunk_ref>, missing>;
  auto all = file.chunks;
  missing_list absent;
  for (auto& address : file.chunk_lists) {
    auto plain = chunks.get_plain(object_kind::chunk_list, address);
    if (!plain) return plain.why();
    if (!*plain) {
      absent.add(address);
      continue;
    }
    auto list = decode_chunk_list(**plain);
    if (!list) return list.why();
    all.insert(all.end(), list->begin(), list->end());
  }
  if (!absent.empty()) return answer{absent.take()};
  return answer{std::move(all)};
}

or_missing<byte_string> read_file(chunk_store& chunks, const tree_entry& file, std::uint64_t offset, std::size_t bytes_max) {
  using answer = std::variant<byte_string, missing>;
  auto all = chunks_of(chunks, file);
  if (!all) return all.why();
  if (auto absent = std::get_if<missing>(&*all)) return answer{std::move(*absent)};
  byte_string out;
  missing_list absent;
  std::uint64_t chunk_at = 0;
  auto end = offset + std::min<std::uint64_t>(bytes_max, UINT64_MAX - offset);
  for (auto& ref : std::get<0>(*all)) {
    auto from = chunk_at;
    chunk_at += ref.plain_bytes;
    if (chunk_at <= offset) continue;
    if (from >= end || absent.full()) break;
    if (!absent.empty()) { // the answer is lost: name the rest of the range
      auto here = chunks.has(ref.address);
      if (!here) return here.why();
      if (!*here) absent.add(ref.address);
      continue;
    }
    auto plain = chunks.get_plain(object_kind::chunk, ref.address);
    if (!plain) return plain.why();
    if (!*plain) {
      absent.add(ref.address);
      continue;
    }
    if ((*plain)->size() != ref.plain_bytes) return error{error_code::tampered, "chunk of " + file.path + " has another size"};
    auto first = std::max(offset, from) - from;
    auto last = std::min(end, chunk_at) - from;
    append(out, byte_view{**plain}.subspan(first, last - first));
  }
  if (!absent.empty()) return answer{absent.take()};
  return answer{std::move(out)};
}

} // namespace glow::store
