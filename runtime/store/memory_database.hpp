/// In-memory twin of the database, for tests and simulation: the same promises, and failures on demand.
#pragma once

#include "runtime/store/database.hpp"

#include <array>
#include <map>
#include <mutex>

namespace glow::store {

class memory_database final : public database {
public:
  result<std::optional<byte_string>> get(family in, byte_view key) override;
  result<bool> contains(family in, byte_view key) override;
  result<void> write(const write_batch& batch, durable when) override;
  result<void> scan(family in, byte_view prefix, byte_view from, const visitor& visit) override;

  // ---- failures on demand ----
  /// The write after `more` further successful ones fails with `io`, and so do all after it until heal().
  void fail_after_writes(std::size_t more);
  /// Writes beyond this many bytes held fail with `exhausted`.
  void set_capacity(std::size_t bytes);
  /// No more failures.
  void heal();
  /// The machine lost power: writes since the last durable one are forgotten, oldest kept first: `keep_undurable` of them
  /// survive (a crash may keep any prefix).
  void crash(std::size_t keep_undurable = 0);

  /// A bit of that record's value flips, as on an old disk; nothing when there is no such record. `which`: modulo its bits.
  void rot(family in, byte_view key, std::uint64_t which);

  std::size_t writes() const;           ///< successful ones so far
  std::size_t undurable_writes() const; ///< since the last durable one
  std::size_t size_bytes() const;       ///< keys and values held

private:
  using sorted_records = std::map<byte_string, byte_string>;
  /// What a write replaced: enough to take it back.
  using undo_record = std::vector<write_batch::operation>;
  std::optional<byte_string> set(const write_batch::operation& change);

  mutable std::mutex mutex_; // the interface promises use from several threads
  std::array<sorted_records, family_count> tables_;
  std::vector<undo_record> undurable_; ///< oldest first
  std::size_t writes_ = 0;
  std::size_t size_bytes_ = 0;
  std::size_t capacity_ = SIZE_MAX;
  std::optional<std::size_t> fails_after_;
};

} // namespace glow::store
