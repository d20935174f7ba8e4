/// What one import wrote, so that a failed one can be taken back: a full disk must not stay full of what nobody sees.
/// Refuses to decide whether taking back is safe: the front does.
#pragma once

#include "runtime/store/database.hpp"
#include "runtime/store/limits.hpp"

#include <memory>
#include <string>

namespace glow {

/// A database that remembers the keys of records put through it. One import at a time.
class recording_database final : public store::database {
public:
  explicit recording_database(std::shared_ptr<store::database> held) : held_{std::move(held)} {}

  result<std::optional<byte_string>> get(store::family in, byte_view key) override { return held_->get(in, key); }
  result<bool> contains(store::family in, byte_view key) override { return held_->contains(in, key); }
  result<void> scan(store::family in, byte_view prefix, byte_view from, const visitor& visit) override {
    return held_->scan(in, prefix, from, visit);
  }
  result<void> write(const store::write_batch& batch, store::durable when) override {
    auto done = held_->write(batch, when);
    if (!done.ok()) return done;
    for (auto& each : batch.operations())
      if (each.value && keys_.size() < limits::import_keys_recorded_max) keys_.emplace_back(each.in, each.key);
    return done;
  }

  /// Removes everything that was put. Requires: nothing else refers to it.
  result<void> take_back() {
    while (!keys_.empty()) {
      store::write_batch batch;
      for (std::size_t i = 0; i < 1024 && !keys_.empty(); ++i) {
        batch.remove(keys_.back().first, keys_.back().second);
        keys_.pop_back();
      }
      if (auto done = held_->write(batch, store::durable::no); !done.ok()) return done;
    }
    return {};
  }

private:
  std::shared_ptr<store::database> held_;
  std::vector<std::pair<store::family, byte_string>> keys_;
};

} // namespace glow
