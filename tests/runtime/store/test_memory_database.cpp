#include "runtime/store/memory_database.hpp"

#include "tests/runtime/store/store_fixture.hpp"

using namespace store_fixture;

namespace {

void set(database& db, std::string_view key, std::string_view value, durable when) {
  did(db.put(family::meta, as_bytes(key), as_bytes(value), when));
}
std::string read(database& db, std::string_view key) {
  auto value = got(db.get(family::meta, as_bytes(key)));
  return value ? to_text(*value) : "-";
}

} // namespace

TEST_CASE("a crash keeps what was durable and any prefix of the rest") {
  memory_database db;
  set(db, "a", "1", durable::no);
  set(db, "b", "1", durable::yes);
  set(db, "a", "2", durable::no);
  set(db, "c", "1", durable::no);
  set(db, "b", "2", durable::no);
  REQUIRE(db.undurable_writes() == 3);
  db.crash(2);
  REQUIRE(read(db, "a") == "2");
  REQUIRE(read(db, "b") == "1");
  REQUIRE(read(db, "c") == "1");
  set(db, "d", "1", durable::no);
  did(db.write({}, durable::yes)); // the barrier
  db.crash();
  REQUIRE(read(db, "d") == "1");
}

TEST_CASE("rot flips one bit of one value, and of nothing where there is none") {
  memory_database db;
  set(db, "a", "1", durable::yes);
  db.rot(family::meta, as_bytes("a"), 8 * 1000 + 1);
  REQUIRE(read(db, "a") == "3");
  db.rot(family::meta, as_bytes("b"), 0);
  REQUIRE(read(db, "b") == "-");
}

TEST_CASE("writes fail on demand, whole batches at a time") {
  memory_database db;
  db.fail_after_writes(1);
  set(db, "a", "1", durable::yes);
  write_batch batch;
  batch.put(family::meta, as_bytes("b"), as_bytes("1"));
  batch.remove(family::meta, as_bytes("a"));
  REQUIRE(db.write(batch, durable::yes).why().code == error_code::io);
  REQUIRE(read(db, "a") == "1");
  db.heal();
  did(db.write(batch, durable::yes));
  REQUIRE(read(db, "a") == "-");
  db.set_capacity(4);
  REQUIRE(db.put(family::log, as_bytes("cccc"), {}, durable::no).why().code == error_code::exhausted);
  REQUIRE(db.size_bytes() == 2);
}

TEST_CASE("a scan keeps to its family, prefix and start, in order") {
  memory_database db;
  for (auto key : {"a1", "a3", "a2", "b1"}) set(db, key, key, durable::no);
  did(db.put(family::refs, as_bytes("a4"), {}, durable::no));
  std::string seen;
  did(db.scan(family::meta, as_bytes("a"), as_bytes("a2"), [&](byte_view key, byte_view) {
    seen += to_text(key);
    return true;
  }));
  REQUIRE(seen == "a2a3");
}
