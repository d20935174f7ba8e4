#include "runtime/store/commit.hpp"
#include "runtime/store/limits.hpp"

#include "tests/runtime/store/store_fixture.hpp"

#include <rapidcheck.h>

using namespace store_fixture;

namespace {

commit some_commit(const author& by) {
  commit what;
  what.in = test_namespace;
  what.root.value.fill(5);
  what.parents = {commit_id::from(byte_string(32, 1)), commit_id::from(byte_string(32, 2))};
  what.device = by.device;
  what.sequence = 3;
  what.vector = {{by.device, 3}, {device(9).device, 12}};
  what.time = at_ms(1700000000000);
  what.message = "put /docs";
  return what;
}

} // namespace

TEST_CASE("a signed commit verifies and carries everything") {
  auto by = device(1);
  auto made = sign_commit(some_commit(by), by);
  auto verified = verify_commit(made.bytes);
  REQUIRE(verified);
  REQUIRE(verified->what == some_commit(by));
  REQUIRE(verified->id == made.id);
  REQUIRE(verified->bytes == made.bytes);
}

TEST_CASE("a commit signed by another device than it names is refused") {
  auto forged = sign_commit(some_commit(device(1)), device(2));
  REQUIRE(verify_commit(forged.bytes).why().code == error_code::tampered);
}

TEST_CASE("no altered commit verifies as another one") {
  auto by = device(1);
  auto made = sign_commit(some_commit(by), by);
  for (std::size_t i = 0; i < made.bytes.size(); ++i) {
    auto altered = made.bytes;
    altered[i] ^= 1;
    auto verified = verify_commit(altered);
    REQUIRE((!verified || verified->what == made.what));
  }
}

TEST_CASE("commits out of bounds are malformed") {
  auto by = device(1);
  auto code_of = [&](const commit& what) { return verify_commit(sign_commit(what, by).bytes).why().code; };
  auto unsorted = some_commit(by);
  std::swap(unsorted.parents[0], unsorted.parents[1]);
  REQUIRE(code_of(unsorted) == error_code::malformed);
  auto wordy = some_commit(by);
  wordy.message.resize(limits::commit_message_bytes_max + 1, 'x');
  REQUIRE(code_of(wordy) == error_code::malformed);
  auto uncounted = some_commit(by);
  uncounted.vector[by.device] = 4;
  REQUIRE(code_of(uncounted) == error_code::malformed);
  for (auto ms : {INT64_MIN, std::int64_t{-1}, INT64_MAX}) {
    auto undated = some_commit(by);
    undated.time = at_ms(ms);
    REQUIRE(code_of(undated) == error_code::malformed);
  }
  REQUIRE(verify_commit(byte_string(limits::commit_bytes_max + 8)).why().code == error_code::malformed);
  REQUIRE(rc::check("hostile commit", [](byte_string bytes) {
    bytes.resize(bytes.size() / 8 * 8);
    RC_ASSERT(!verify_commit(bytes));
  }));
}
