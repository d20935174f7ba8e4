#include "runtime/identity/limits.hpp"
#include "runtime/identity/namespace_state.hpp"

#include "tests/runtime/identity/a_namespace.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::identity;
using namespace glow::identity::testing;

namespace {

seeded_random dice{11};

namespace_state founded() { return namespace_state::found("home", keys_of(1), "laptop", at(0), dice); }
digest ticket_from(namespace_state& state, role as = role::member, std::int64_t now = 1) {
  auto made = state.create_ticket(15min, as, at(now), dice);
  REQUIRE(made);
  return parse_ticket(made->text)->id();
}
channel_uri uri(std::string_view text) { return *parse_channel_uri(text); }

} // namespace

TEST_CASE("a new namespace has its founder as its only member and admin") {
  auto state = founded();
  CHECK(state.holds_root_key());
  CHECK(state.is_member());
  auto& members = *state.current_roster();
  CHECK(members.name == "home");
  REQUIRE(members.members.size() == 1);
  CHECK(members.members[0].name == "laptop");
  CHECK(members.members[0].as == role::admin);
  CHECK_FALSE(members.secret.is_zero());
  CHECK(verify_certificate(state.id(), id_of(1), *state.make_certificate()));
}

TEST_CASE("the namespace file keeps everything") {
  auto state = founded();
  auto used = ticket_from(state);
  REQUIRE(state.redeem_ticket(used, id_of(2), "nas", at(2)));
  auto open = ticket_from(state);
  state.remember_addresses(id_of(2), {uri("udp://10.0.0.2:7400")});
  auto again = namespace_state::decode(state.encode(), keys_of(1));
  REQUIRE(again);
  CHECK(again->holds_root_key());
  CHECK(again->current_roster()->secret == state.current_roster()->secret);
  CHECK(again->log().set_digest() == state.log().set_digest());
  CHECK(again->ticket_secret(open, id_of(3), at(3)));
  CHECK(again->ticket_secret(used, id_of(3), at(3)).why().code == error_code::already_used);
  REQUIRE(again->known_addresses(false).size() == 1);
  CHECK(again->encode() == state.encode());
}

TEST_CASE("a joiner gets the namespace without its root key") {
  auto state = founded();
  state.set_own_addresses({uri("udp://10.0.0.1:7400"), uri("udp://0.0.0.0:7400")});
  auto admission = state.redeem_ticket(ticket_from(state), id_of(2), "nas", at(2));
  REQUIRE(admission);
  auto joined = namespace_state::decode(*admission, keys_of(2));
  REQUIRE(joined);
  CHECK_FALSE(joined->holds_root_key());
  CHECK(joined->is_member());
  CHECK(joined->current_roster()->secret == state.current_roster()->secret);
  CHECK(joined->current_roster()->find(id_of(2))->name == "nas");
  auto places = joined->known_addresses(true);
  REQUIRE(places.size() == 1);
  CHECK(places[0].first == id_of(1));
  CHECK(places[0].second == std::vector{uri("udp://10.0.0.1:7400")});
  CHECK(joined->create_ticket(15min, role::member, at(3), dice).why().code == error_code::failed);
  CHECK(joined->expel(id_of(1), at(3)).why().code == error_code::failed);
}

TEST_CASE("a guest gets no secret, an admin may invite further nodes") {
  auto state = founded();
  auto guest = namespace_state::decode(*state.redeem_ticket(ticket_from(state, role::guest), id_of(2), "tv", at(2)), keys_of(2));
  REQUIRE(guest);
  CHECK(guest->current_roster()->secret.is_zero());
  auto admin = namespace_state::decode(*state.redeem_ticket(ticket_from(state, role::admin), id_of(3), "pc", at(2)), keys_of(3));
  REQUIRE(admin);
  auto third = namespace_state::decode(*admin->redeem_ticket(ticket_from(*admin), id_of(4), "phone", at(3)), keys_of(4));
  REQUIRE(third);
  auto certificate = third->make_certificate();
  REQUIRE(certificate);
  CHECK(check_peer(*state.current_roster(), id_of(4), *certificate)); // though the founder has not heard of it yet
}

TEST_CASE("a ticket is good once; its user gets the same admission again, others are told why not") {
  auto state = founded();
  auto ticket = ticket_from(state);
  auto first = state.redeem_ticket(ticket, id_of(2), "nas", at(2));
  REQUIRE(first);
  auto repeated = state.redeem_ticket(ticket, id_of(2), "nas", at(100'000));
  REQUIRE(repeated);
  CHECK(*repeated == *first);
  CHECK(state.ticket_secret(ticket, id_of(2), at(3)));
  CHECK(state.ticket_secret(ticket, node_id{}, at(3))); // before the handshake has shown who asks
  CHECK(state.ticket_secret(ticket, id_of(3), at(3)).why().code == error_code::already_used);
  CHECK(state.redeem_ticket(ticket, id_of(3), "x", at(3)).why().code == error_code::already_used);
  CHECK(state.redeem_ticket(digest{}, id_of(3), "x", at(3)).why().code == error_code::not_found);
  auto late = ticket_from(state);
  CHECK(state.ticket_secret(late, id_of(3), at(901)).why().code == error_code::expired);
  CHECK(state.redeem_ticket(late, id_of(3), "x", at(901)).why().code == error_code::expired);
  CHECK(state.current_roster()->members.size() == 2);
}

TEST_CASE("an expelled node cannot come back with its old ticket, but with a new one") {
  auto state = founded();
  auto ticket = ticket_from(state);
  REQUIRE(state.redeem_ticket(ticket, id_of(2), "nas", at(2)));
  REQUIRE(state.expel(id_of(2), at(1))); // by a clock that runs behind
  CHECK_FALSE(state.current_roster()->find(id_of(2)));
  CHECK(state.redeem_ticket(ticket, id_of(2), "nas", at(4)).why().code == error_code::not_a_member);
  REQUIRE(state.redeem_ticket(ticket_from(state), id_of(2), "nas", at(2)));
  CHECK(state.current_roster()->find(id_of(2)));
}

TEST_CASE("expelling oneself or nobody is refused") {
  auto state = founded();
  CHECK(state.expel(id_of(1), at(1)).why().code == error_code::usage);
  CHECK(state.expel(id_of(5), at(1)).why().code == error_code::not_found);
}

TEST_CASE("tickets have a sensible life and are bounded in number") {
  auto state = founded();
  CHECK(state.create_ticket(0ms, role::member, at(1), dice).why().code == error_code::usage);
  CHECK(state.create_ticket(std::chrono::hours{31 * 24}, role::member, at(1), dice).why().code == error_code::usage);
  for (std::size_t i = 0; i < limits::open_tickets_max; ++i) (void)ticket_from(state);
  CHECK(state.create_ticket(15min, role::member, at(2), dice).why().code == error_code::exhausted);
  CHECK(state.create_ticket(15min, role::member, at(1000), dice)); // the first ones have expired
}

TEST_CASE("places are remembered for members only, the newest first, and bounded") {
  auto state = founded();
  CHECK_FALSE(state.remember_addresses(id_of(2), {uri("udp://10.0.0.2:1")}));
  REQUIRE(state.redeem_ticket(ticket_from(state), id_of(2), "nas", at(2)));
  for (int i = 1; i <= 20; ++i) CHECK(state.remember_addresses(id_of(2), {uri("udp://10.0.0.2:" + std::to_string(i))}));
  CHECK_FALSE(state.remember_addresses(id_of(2), {uri("udp://10.0.0.2:20")}));
  CHECK_FALSE(state.remember_addresses(id_of(2), {uri("udp://10.0.0.2"), uri("udp://[::]:5")}));
  CHECK_FALSE(state.remember_hearsay(id_of(2), {uri("udp://10.0.0.9:1")}));
  auto places = state.known_addresses(false);
  REQUIRE(places.size() == 1);
  CHECK(places[0].second.size() == limits::addresses_per_member_max);
  CHECK(places[0].second.front().port == 20);
  REQUIRE(state.expel(id_of(2), at(3)));
  CHECK(state.known_addresses(false).empty());
}

TEST_CASE("a damaged namespace file is refused, whatever the damage") {
  auto state = founded();
  REQUIRE(state.redeem_ticket(ticket_from(state), id_of(2), "nas", at(2)));
  auto file = state.encode();
  for (std::size_t length = 0; length < file.size(); length += 8)
    CHECK_FALSE(namespace_state::decode(byte_view{file}.first(length), keys_of(1)));
  seeded_random damage{2};
  for (int i = 0; i < 2000; ++i) {
    auto broken = file;
    broken[damage.next_below(broken.size())] ^= static_cast<std::uint8_t>(1 + damage.next_below(255));
    auto read = namespace_state::decode(broken, keys_of(1));
    if (read) CHECK(read->current_roster()->members.size() <= 2); // damage to tickets, names of places or the secret
  }
}
