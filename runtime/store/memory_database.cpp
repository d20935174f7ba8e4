#include "runtime/store/memory_database.hpp"

namespace glow::store {

namespace {

std::size_t table_index(family in) { return static_cast<std::size_t>(in); }

bool starts_with(const byte_string& key, byte_view prefix) {
  return key.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), key.begin());
}

} // namespace

result<std::optional<byte_string>> memory_database::get(family in, byte_view key) {
  std::lock_guard lock{mutex_};
  auto& table = tables_[table_index(in)];
  auto found = table.find(to_bytes(key));
  if (found == table.end()) return std::optional<byte_string>{};
  return std::optional{found->second};
}

result<bool> memory_database::contains(family in, byte_view key) {
  std::lock_guard lock{mutex_};
  return tables_[table_index(in)].contains(to_bytes(key));
}

result<void> memory_database::write(const write_batch& batch, durable when) {
  std::lock_guard lock{mutex_};
  if (fails_after_) {
    if (*fails_after_ == 0) return error{error_code::io, "the in-memory database was told to fail this write"};
    --*fails_after_;
  }
  if (size_bytes_ + batch.size_bytes() > capacity_)
    return error{error_code::exhausted, "the in-memory database is full: " + std::to_string(capacity_) + " bytes"};
  undo_record undo;
  for (auto& each : batch.operations()) undo.push_back({each.in, each.key, set(each)});
  undurable_.push_back(std::move(undo));
  if (when == durable::yes) undurable_.clear();
  ++writes_;
  return {};
}

/// Puts or removes one record; returns what was there.
std::optional<byte_string> memory_database::set(const write_batch::operation& change) {
  auto& table = tables_[table_index(change.in)];
  std::optional<byte_string> before;
  if (auto found = table.find(change.key); found != table.end()) {
    size_bytes_ -= found->first.size() + found->second.size();
    before = std::move(found->second);
    table.erase(found);
  }
  if (change.value) {
    size_bytes_ += change.key.size() + change.value->size();
    table.emplace(change.key, *change.value);
  }
  return before;
}

result<void> memory_database::scan(family in, byte_view prefix, byte_view from, const visitor& visit) {
  std::lock_guard lock{mutex_};
  auto& table = tables_[table_index(in)];
  auto start = std::max(to_bytes(prefix), to_bytes(from));
  for (auto at = table.lower_bound(start); at != table.end() && starts_with(at->first, prefix); ++at)
    if (!visit(at->first, at->second)) break;
  return {};
}

void memory_database::fail_after_writes(std::size_t more) {
  std::lock_guard lock{mutex_};
  fails_after_ = more;
}

void memory_database::set_capacity(std::size_t bytes) {
  std::lock_guard lock{mutex_};
  capacity_ = bytes;
}

void memory_database::heal() {
  std::lock_guard lock{mutex_};
  fails_after_.reset();
  capacity_ = SIZE_MAX;
}

void memory_database::crash(std::size_t keep_undurable) {
  std::lock_guard lock{mutex_};
  while (undurable_.size() > keep_undurable) {
    auto& newest = undurable_.back();
    for (auto each = newest.rbegin(); each != newest.rend(); ++each) set(*each);
    undurable_.pop_back();
  }
  undurable_.clear();
}

void memory_database::rot(family in, byte_view key, std::uint64_t which) {
  std::lock_guard lock{mutex_};
  auto& table = tables_[table_index(in)];
  auto found = table.find(to_bytes(key));
  if (found == table.end() || found->second.empty()) return;
  auto bit = which % (found->second.size() * 8);
  found->second[bit / 8] = static_cast<std::uint8_t>(found->second[bit / 8] ^ (1u << (bit % 8)));
}

std::size_t memory_database::writes() const {
  std::lock_guard lock{mutex_};
  return writes_;
}

std::size_t memory_database::undurable_writes() const {
  std::lock_guard lock{mutex_};
  return undurable_.size();
}

std::size_t memory_database::size_bytes() const {
  std::lock_guard lock{mutex_};
  return size_bytes_;
}

} // namespace glow::store
