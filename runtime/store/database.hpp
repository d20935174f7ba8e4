/// The small key-value face that the store stands on: `host/rocks_database` on a disk, `memory_database` in tests and
/// simulation. Implementations may be called from several threads. Refuses to know what keys and values mean.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace glow::store {

/// Column families. Part of the format on disk (their names are): never renumber or rename.
enum class family : std::uint8_t {
  chunks = 0, ///< sealed objects by address (large values)
  meta = 1,   ///< commits and indexes
  refs = 2,   ///< heads, tips, the cached view: few and small
  log = 3,    ///< ledger records of jobs
};
inline constexpr std::size_t family_count = 4;
std::string_view to_string(family f);

/// `yes`: on the disk when write() returns, together with every earlier write, whatever family it went to.
/// `no`: may be lost in a crash, but only together with everything written after it.
enum class durable : bool { no = false, yes = true };

/// Puts and removals that happen all or not at all, in order.
class write_batch {
public:
  struct operation {
    family in;
    byte_string key;
    std::optional<byte_string> value; ///< none: remove
  };
  void put(family in, byte_view key, byte_view value);
  void remove(family in, byte_view key);
  void append(const write_batch& more);
  bool empty() const { return operations_.empty(); }
  std::size_t size_bytes() const { return size_bytes_; }
  const std::vector<operation>& operations() const { return operations_; }
  void clear();

private:
  std::vector<operation> operations_;
  std::size_t size_bytes_ = 0;
};

class database {
public:
  virtual ~database() = default;

  /// Errors (of all four): `exhausted` (disk full: nothing of the batch was written; works again by itself once there is
  /// space), `io` (with the system's words), `tampered` (checksums on disk do not match).
  virtual result<std::optional<byte_string>> get(family in, byte_view key) = 0;
  virtual result<bool> contains(family in, byte_view key) = 0;
  /// An empty durable batch is a barrier: everything written so far is on the disk when it returns.
  virtual result<void> write(const write_batch& batch, durable when) = 0;

  /// Visits records whose key starts with `prefix`, in byte order, from the first key >= `from` (empty: from the start),
  /// until the visitor returns false. The visitor must not touch the database.
  using visitor = std::function<bool(byte_view key, byte_view value)>;
  virtual result<void> scan(family in, byte_view prefix, byte_view from, const visitor& visit) = 0;

  /// One record, durable or not. Same errors as write().
  result<void> put(family in, byte_view key, byte_view value, durable when);
};

} // namespace glow::store
