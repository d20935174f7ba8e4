/// FastCDC: content-defined cutting with normalised chunking and two-byte rolling (Xia et al., "The Design of Fast
/// Content-Defined Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 2020). Cuts depend on content only,
/// so an insertion moves the cuts near it and no others. The gear table is keyed, so that cut lengths do not fingerprint
/// a known file to an outsider. Refuses to buffer, hash or store: it says where to cut.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/store/limits.hpp"

#include <array>
#include <cstdint>
#include <memory>

namespace glow::store {

struct cut_sizes {
  std::size_t min = limits::chunk_bytes_min;
  std::size_t average = limits::chunk_bytes_average; ///< a power of two
  std::size_t max = limits::chunk_bytes_max;
};

/// 256 random words and their doubles, from a keyed BLAKE2b stream. Shared by every cutter of a namespace.
struct gear_table {
  std::array<std::uint64_t, 256> once;  ///< G[b]
  std::array<std::uint64_t, 256> twice; ///< G[b] << 1, for the first of two bytes
};
std::shared_ptr<const gear_table> make_gear_table(byte_view key);

/// Feeds on arbitrary slices; where they are sliced changes nothing.
class chunk_cutter {
public:
  explicit chunk_cutter(std::shared_ptr<const gear_table> gear, cut_sizes sizes = {});

  /// Reads from the start of `more` up to the next cut. Returns how many bytes of `more` belong to the current chunk;
  /// `cut_here()` then says whether the chunk ends there. Call again with the rest.
  /// The bytes after the last cut are the last chunk: the caller ends it when the file ends.
  std::size_t feed(byte_view more);
  bool cut_here() const { return cut_; }
  /// Bytes of the chunk that is not cut yet.
  std::size_t pending_bytes() const { return position_; }
  void reset();

private:
  std::size_t scan(const std::uint8_t* bytes, std::size_t count, std::uint64_t mask);

  std::shared_ptr<const gear_table> gear_;
  cut_sizes sizes_;
  std::uint64_t mask_small_; ///< before the average: more bits, cuts are rarer
  std::uint64_t mask_large_; ///< after it: fewer bits
  std::uint64_t fingerprint_ = 0;
  std::size_t position_ = 0; ///< in the current chunk
  bool cut_ = false;
};

/// All cut lengths of one whole buffer (they sum up to its size). For tests and small files.
std::vector<std::size_t> cut_lengths(byte_view whole, const std::shared_ptr<const gear_table>& gear, cut_sizes sizes = {});

} // namespace glow::store
