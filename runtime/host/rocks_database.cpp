#include "runtime/host/rocks_database.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <mutex>

namespace glow::host {

using store::durable;
using store::family;
using store::family_count;

namespace {

/// Sizes that keep an idle agent small: buffers are allocated as they fill, the cache as it is used.
constexpr std::size_t chunk_buffer_bytes = 16u << 20; // also the size of a blob file: smaller would make too many files
constexpr std::size_t record_buffer_bytes = 2u << 20;
constexpr std::size_t block_cache_bytes = 4u << 20; // the store keeps decoded nodes itself
constexpr int open_files_max = 128;
constexpr std::uint64_t wal_bytes_max = 64u << 20;
constexpr std::uint64_t blob_bytes_min = 4u << 10;

rocksdb::Slice slice(byte_view bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
byte_view view(const rocksdb::Slice& bytes) { return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}; }

error to_error(const rocksdb::Status& status, std::string_view what) {
  auto words = status.ToString();
  auto text = std::string{what} + ": " + words;
  if (status.IsNoSpace() || words.find("No space left") != words.npos || words.find("Disk quota exceeded") != words.npos)
    return {error_code::exhausted,
            std::string{what} + ": the disk is full; make room, then it works again by itself (" + words + ")"};
  if (status.IsCorruption()) return {error_code::tampered, text};
  return {error_code::io, text};
}

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_open_files = open_files_max;
  options.max_background_jobs = 2;
  options.max_total_wal_size = wal_bytes_max;
  options.stats_dump_period_sec = 0; // no periodic wake-ups
  options.stats_persist_period_sec = 0;
  options.max_file_opening_threads = 1;
  options.skip_stats_update_on_db_open = true;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = 1u << 20;
  options.keep_log_file_num = 2;
  options.recycle_log_file_num = 0;
  options.bytes_per_sync = 4u << 20; // spreads the writing of big files
  options.wal_bytes_per_sync = 4u << 20;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery; // a torn tail is an unacknowledged write
  return options;
}

rocksdb::ColumnFamilyOptions family_options(family of, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 8u << 10;
  table.cache_index_and_filter_blocks = true; // inside the cache's bound
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.max_write_buffer_number = 2;
  options.write_buffer_size = of == family::chunks ? chunk_buffer_bytes : record_buffer_bytes;
  options.arena_block_size = 64u << 10;          // the default, an eighth of the buffer, is resident from the first write on
  options.compression = rocksdb::kNoCompression; // hashes and ciphertext
  options.level_compaction_dynamic_level_bytes = true;
  options.periodic_compaction_seconds = 0;
  options.ttl = 0;
  if (of == family::chunks) {
    options.enable_blob_files = true; // compaction moves addresses, not chunks
    options.min_blob_size = blob_bytes_min;
    options.blob_compression_type = rocksdb::kNoCompression;
    options.enable_blob_garbage_collection = true;
    options.target_file_size_base = 4u << 20;
  }
  return options;
}

} // namespace

struct rocks_database::opened {
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, family_count> handles{};
  std::atomic<bool> ran_full = false; ///< a write failed for want of space: RocksDB refuses all until told to resume

  rocksdb::ColumnFamilyHandle* handle(family in) { return handles[static_cast<std::size_t>(in)]; }
  ~opened() {
    for (auto each : handles)
      if (each) db->DestroyColumnFamilyHandle(each);
  }
};

rocks_database::rocks_database(std::unique_ptr<opened> held) : held_{std::move(held)} {}
rocks_database::~rocks_database() = default;

result<std::unique_ptr<rocks_database>> rocks_database::open(const std::string& directory) {
  auto cache = rocksdb::NewLRUCache(block_cache_bytes, 0); // one shard: the bound holds
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, family_options(family::refs, cache));
  for (std::size_t i = 0; i < family_count; ++i) {
    auto each = static_cast<family>(i);
    families.emplace_back(std::string{to_string(each)}, family_options(each, cache));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  auto status = rocksdb::DB::Open(database_options(), directory, families, &handles, &db);
  if (!status.ok()) {
    auto words = status.ToString();
    if (words.find("lock") != words.npos && status.IsIOError())
      return error{error_code::replaced, "the store in " + directory
                                           + " is open in another process: stop that agent first (glow down) or use "
                                           + "another --home (" + words + ")"};
    return to_error(status, "cannot open the store in " + directory);
  }
  auto held = std::make_unique<opened>();
  held->db.reset(db);
  db->DestroyColumnFamilyHandle(handles[0]); // the default family stays empty
  for (std::size_t i = 0; i < family_count; ++i) held->handles[i] = handles[i + 1];
  return std::unique_ptr<rocks_database>{new rocks_database{std::move(held)}};
}

result<std::optional<byte_string>> rocks_database::get(family in, byte_view key) {
  rocksdb::PinnableSlice value;
  auto status = held_->db->Get({}, held_->handle(in), slice(key), &value);
  if (status.IsNotFound()) return std::optional<byte_string>{};
  if (!status.ok()) return to_error(status, "cannot read from the store");
  return std::optional{to_bytes(view(value))};
}

result<bool> rocks_database::contains(family in, byte_view key) {
  rocksdb::PinnableSlice value;
  auto status = held_->db->Get({}, held_->handle(in), slice(key), &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return to_error(status, "cannot read from the store");
  return true;
}

result<void> rocks_database::write(const store::write_batch& batch, durable when) {
  if (held_->ran_full.exchange(false)) {
    auto resumed = held_->db->Resume();
    if (!resumed.ok()) {
      held_->ran_full = true;
      return to_error(resumed, "cannot write to the store");
    }
  }
  rocksdb::Status status;
  if (batch.empty()) {
    status = when == durable::yes ? held_->db->SyncWAL() : rocksdb::Status::OK();
  } else {
    rocksdb::WriteBatch all{batch.size_bytes() + 32 * batch.operations().size()};
    for (auto& each : batch.operations()) {
      auto added = each.value ? all.Put(held_->handle(each.in), slice(each.key), slice(*each.value))
                              : all.Delete(held_->handle(each.in), slice(each.key));
      if (!added.ok()) return to_error(added, "cannot write to the store");
    }
    rocksdb::WriteOptions options;
    options.sync = when == durable::yes;
    status = held_->db->Write(options, &all);
  }
  if (status.ok()) return {};
  auto why = to_error(status, "cannot write to the store");
  if (why.code == error_code::exhausted) held_->ran_full = true;
  return why;
}

result<void> rocks_database::scan(family in, byte_view prefix, byte_view from, const visitor& visit) {
  rocksdb::ReadOptions options;
  options.fill_cache = false; // a walk over everything shall not push out what is in use
  std::unique_ptr<rocksdb::Iterator> at{held_->db->NewIterator(options, held_->handle(in))};
  auto start = std::lexicographical_compare(prefix.begin(), prefix.end(), from.begin(), from.end()) ? from : prefix;
  for (at->Seek(slice(start)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next())
    if (!visit(view(at->key()), view(at->value()))) break;
  if (!at->status().ok()) return to_error(at->status(), "cannot read from the store");
  return {};
}

} // namespace glow::host
