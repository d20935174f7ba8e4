/// A file's bytes on their way in and out: cut, sealed and stored while they stream by; read back by ranges.
/// Made for worker threads: each with its own chunk_store. Refuses to open files and to commit.
#pragma once

#include "runtime/store/chunk_store.hpp"
#include "runtime/store/fastcdc.hpp"

namespace glow::store {

/// Feeds on a file in order; stores chunks as they are cut, in batches that are not durable (the commit makes them so).
class file_writer {
public:
  file_writer(chunk_store& chunks, std::shared_ptr<const gear_table> gear);

  /// Errors: those of the database; the writer is of no use after one.
  result<void> write(byte_view bytes);
  /// Ends the file: kind, size, content and chunks of the entry are set; path, mode and time are the caller's.
  /// The writer is ready for the next file.
  result<tree_entry> finish();

private:
  result<void> end_chunk(byte_view plain);
  result<void> flush();

  chunk_store& chunks_;
  chunk_cutter cutter_;
  byte_string pending_; ///< bytes of the chunk that is not cut yet
  write_batch batch_;
  tree_entry entry_;
};

/// Every chunk of a file, whether inline or in lists.
or_missing<std::vector<chunk_ref>> chunks_of(chunk_store& chunks, const tree_entry& file);

/// Up to `bytes_max` bytes of the file from `offset`; fewer only at the end.
/// Empty only at or past the end. `missing` names every missing chunk of the range.
or_missing<byte_string> read_file(chunk_store& chunks, const tree_entry& file, std::uint64_t offset, std::size_t bytes_max);

} // namespace glow::store
