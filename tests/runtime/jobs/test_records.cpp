#include "runtime/jobs/limits.hpp"
#include "runtime/jobs/records.hpp"

#include "runtime/base/random.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::jobs;

TEST_CASE("what is encoded is decoded again") {
  std::vector<lease> leases{{5, "j", 7, {"sh", "-c", std::string{"a\0b\xff", 4}}, "/x\ny", "commit", 90s}};
  auto back = decode_offer(encode_offer(leases));
  REQUIRE(back);
  CHECK((*back)[0].command == leases[0].command);
  CHECK((*back)[0].input == leases[0].input);
  CHECK((*back)[0].timeout == leases[0].timeout);
  auto load = decode_load(encode_load({3, 2, {1, 9}}));
  REQUIRE(load);
  CHECK(load->tokens == std::vector<lease_token>{1, 9});
  auto ended = decode_result(encode_result({1, "j", 2, true, 137, "why", {1, 2, 3}, 99}));
  REQUIRE(ended);
  CHECK(ended->exit_status == 137);
  CHECK(ended->entries == byte_string{1, 2, 3});
  ledger_job job{"id", {"wc"}, "/in", "/out", 3, 1h, from_unix_ms(5), "c", {"/in/a", "/in/b"}, true};
  auto held = decode_job(encode_job(job));
  REQUIRE(held);
  CHECK(held->inputs == job.inputs);
  CHECK(held->submitted == job.submitted);
  CHECK(held->cancelled);
  auto end = decode_step(encode_step({true, false, 0, 2, "nas", ""}));
  REQUIRE(end);
  CHECK(end->node == "nas");
}

TEST_CASE("a ledger holds a hundred thousand inputs") {
  ledger_job job{"id", {"wc"}, "/in", "/out", 3, 1h, {}, "c", {}, false};
  for (int i = 0; i < 100'000; ++i) job.inputs.push_back("/in/directory/file-" + std::to_string(i));
  auto held = decode_job(encode_job(job));
  REQUIRE(held);
  CHECK(held->inputs.size() == 100'000);
}

TEST_CASE("offers beyond their bounds are refused") {
  CHECK(!decode_offer(encode_offer(std::vector<lease>(limits::leases_per_offer_max + 1, lease{1, "j", 0, {"x"}, "", "", 1s}))));
  CHECK(!decode_offer(encode_offer({lease{1, "j", 0, {}, "", "", 1s}})));
  CHECK(!decode_offer(encode_offer({lease{1, "j", 0, {std::string(limits::command_bytes_max + 1, 'x')}, "", "", 1s}})));
  CHECK(!decode_tokens(encode_tokens(std::vector<lease_token>(limits::lease_tokens_max + 1, 1))));
}

TEST_CASE("a step's time-out is cut to its bound, wherever it was written") {
  ledger_job job;
  job.id = "j";
  job.step_timeout = duration::max();
  CHECK(decode_job(encode_job(job))->step_timeout == limits::step_timeout_max);
  CHECK(decode_offer(encode_offer({lease{1, "j", 0, {"x"}, "", "", duration::max()}}))->front().timeout
        == limits::step_timeout_max);
}

TEST_CASE("random and damaged bytes never crash a decoder") {
  REQUIRE(rc::check("job decoders", [](const std::vector<std::uint8_t>& noise, std::size_t where) {
    auto good = encode_offer({lease{5, "j", 7, {"sh"}, "/x", "c", 1s}});
    if (!noise.empty()) good[where % good.size()] = noise[0];
    for (const byte_string* each : {&noise, static_cast<const std::vector<std::uint8_t>*>(&good)}) {
      (void)decode_offer(*each);
      (void)decode_load(*each);
      (void)decode_tokens(*each);
      (void)decode_result(*each);
      (void)decode_taken(*each);
      (void)decode_job(*each);
      (void)decode_step(*each);
    }
  }));
}

TEST_CASE("keys of steps sort by index and belong to one job") {
  CHECK(step_key("a", 255) < step_key("a", 256));
  CHECK(*step_index(step_key("a", 70000), "a") == 70000);
  CHECK(!step_index(step_key("a", 1), "b"));
  CHECK(!step_index(job_key("a"), "a"));
}
