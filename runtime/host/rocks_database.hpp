/// The database on a disk: RocksDB, tuned for an agent that idles in a few MiB and wakes up for nothing.
/// Values of `chunks` from 4 KiB up live in blob files, so that compaction never rewrites them.
/// Blocking: call it from the store's own thread, never from the event loop.
#pragma once

#include "runtime/store/database.hpp"

#include <memory>
#include <string>

namespace glow::host {

class rocks_database final : public store::database {
public:
  /// Opens or makes the database in this directory (its parent must exist).
  /// Errors: `replaced` when another process has it open (the message names the directory), `exhausted`, `io`,
  /// `tampered`.
  static result<std::unique_ptr<rocks_database>> open(const std::string& directory);
  ~rocks_database() override;

  result<std::optional<byte_string>> get(store::family in, byte_view key) override;
  result<bool> contains(store::family in, byte_view key) override;
  result<void> write(const store::write_batch& batch, store::durable when) override;
  result<void> scan(store::family in, byte_view prefix, byte_view from, const visitor& visit) override;

private:
  struct opened;
  explicit rocks_database(std::unique_ptr<opened> held);
  std::unique_ptr<opened> held_;
};

} // namespace glow::host
