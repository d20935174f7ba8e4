#include "runtime/base/limits.hpp"
#include "tests/runtime/link/simulated_pair.hpp"

using namespace glow;
using namespace glow::link;

namespace {

seeded_random keys_random{78};
const test_node admin = make_node("admin", keys_random);
const test_node newcomer = make_node("newcomer", keys_random);

digest some_ticket() {
  digest id;
  id.value[0] = 4;
  return id;
}

link_config joining() {
  auto out = config_of(newcomer, role::initiator, 5);
  out.certificate.clear();
  out.join_with = join_ticket{some_ticket(), secret_key{byte_string(32, 7)}};
  return out;
}
link_config admitting() { return config_of(admin, role::responder, 6); }

} // namespace

TEST_CASE("a ticket is redeemed and the admission arrives whole, however long") {
  for (std::size_t length : {16u, 1000u, 5000u, 300000u}) {
    simulated_pair pair{joining(), admitting()};
    byte_string file(length);
    pair.random.fill(file);
    pair.admission = file;
    pair.start();
    pair.run_for(10s);
    REQUIRE(pair.b.tickets_asked.size() == 1);
    CHECK(pair.b.tickets_asked[0].ticket_id == some_ticket());
    REQUIRE(pair.b.admissions_asked.size() == 1);
    CHECK(pair.b.admissions_asked[0].node == newcomer.keys->id());
    CHECK(pair.b.admissions_asked[0].node_name == "newcomer");
    REQUIRE(pair.a.admission);
    CHECK(pair.a.admission->admission == file);
    CHECK(pair.a.admission->admitted_by == admin.keys->id());
    CHECK(pair.a.ended->code == error_code::none);
    CHECK(pair.b.ended->code == error_code::none);
    CHECK(pair.a.ups.empty());
    CHECK(pair.a.bytes_max_sent <= limits::udp_datagram_bytes_max);
    CHECK(pair.b.bytes_max_sent <= limits::udp_datagram_bytes_max);
  }
}

TEST_CASE("joining works over a channel that loses, repeats and reorders") {
  int admitted = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    simulated_pair pair{joining(), admitting(), seed};
    pair.faults = {0.2, 0.2, 1ms, 20ms, false};
    pair.admission = byte_string(20000, 3);
    pair.start();
    pair.run_for(40s);
    REQUIRE(pair.a.ended);
    REQUIRE(pair.b.ended);
    CHECK(pair.b.admissions_asked.size() <= 1);
    if (pair.a.admission) CHECK(pair.a.admission->admission == *pair.admission);
    admitted += pair.a.admission ? 1 : 0;
  }
  CHECK(admitted >= 27);
}

TEST_CASE("a bad ticket is refused with the reason in words") {
  simulated_pair pair{joining(), admitting()};
  pair.ticket_secret = error{error_code::expired, "the ticket expired 3 minutes ago; ask for another"};
  pair.start();
  pair.run_for(10s);
  CHECK(pair.a.ended->code == error_code::expired);
  CHECK_THAT(pair.a.ended->message, Catch::Contains("expired 3 minutes ago"));
  CHECK(pair.b.ended->code == error_code::expired);
  CHECK(pair.b.admissions_asked.empty());
}

TEST_CASE("an admission that is denied after the handshake says why, too") {
  simulated_pair pair{joining(), admitting()};
  pair.admission = error{error_code::already_used, "the ticket was used before by node phone"};
  pair.start();
  pair.run_for(10s);
  CHECK(pair.a.ended->code == error_code::already_used);
  CHECK_THAT(pair.a.ended->message, Catch::Contains("used before by node phone"));
  CHECK(pair.b.ended->code == error_code::already_used);
  CHECK_FALSE(pair.a.admission);
}

TEST_CASE("a wrong ticket secret ends without admission") {
  simulated_pair pair{joining(), admitting()};
  pair.ticket_secret = byte_string(32, 8);
  pair.start();
  pair.run_for(20s);
  CHECK(pair.a.ended->code == error_code::timed_out);
  CHECK(pair.b.ended);
  CHECK(pair.b.admissions_asked.empty());
}

TEST_CASE("before it is admitted nobody's packets pass") {
  simulated_pair pair{joining(), admitting()};
  pair.start();
  REQUIRE(pair.run_until([&] { return !pair.b.admissions_asked.empty(); }));
  pair.send(pair.a, "let me in");
  pair.run_for(5s);
  CHECK(pair.b.delivered.empty());
}

TEST_CASE("fragments that contradict each other or exceed the bound are refused") {
  admission_receiver one;
  REQUIRE(one.on_fragment({0, 3, {1}}).ok());
  CHECK(one.on_fragment({1, 4, {1}}).why().code == error_code::malformed);
  admission_receiver two;
  CHECK(two.on_fragment({0, 1, {}}).why().code == error_code::malformed);
  admission_receiver three;
  auto outcome = three.on_fragment({0, 60000, byte_string(65000, 1)});
  for (std::uint16_t i = 1; outcome.ok() && i < 100; ++i) outcome = three.on_fragment({i, 60000, byte_string(65000, 1)});
  CHECK(outcome.why().code == error_code::exhausted);
}
