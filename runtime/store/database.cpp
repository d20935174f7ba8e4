#include "runtime/store/database.hpp"

namespace glow::store {

std::string_view to_string(family f) {
  switch (f) {
  case family::chunks: return "chunks";
  case family::meta: return "meta";
  case family::refs: return "refs";
  case family::log: return "log";
  }
  return "unknown";
}

void write_batch::put(family in, byte_view key, byte_view value) {
  operations_.push_back({in, to_bytes(key), to_bytes(value)});
  size_bytes_ += key.size() + value.size();
}

void write_batch::remove(family in, byte_view key) {
  operations_.push_back({in, to_bytes(key), std::nullopt});
  size_bytes_ += key.size();
}

void write_batch::append(const write_batch& more) {
  operations_.insert(operations_.end(), more.operations_.begin(), more.operations_.end());
  size_bytes_ += more.size_bytes_;
}

void write_batch::clear() {
  operations_.clear();
  size_bytes_ = 0;
}

result<void> database::put(family in, byte_view key, byte_view value, durable when) {
  write_batch batch;
  batch.put(in, key, value);
  return write(batch, when);
}

} // namespace glow::store
