#include "runtime/identity/ticket.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/identity/record.hpp"
#include "tests/runtime/identity/a_namespace.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::identity;
using namespace glow::identity::testing;

namespace {

ticket an_invitation(std::initializer_list<std::string_view> addresses) {
  seeded_random random{3};
  ticket out{random.next_id<namespace_id>(), "home", random.next_id<ticket_psk>(), id_of(1), role::guest, at(900), {}};
  for (auto each : addresses) out.addresses.push_back(*parse_channel_uri(each));
  return out;
}
ticket usual() {
  return an_invitation(
    {"udp://[2001:db8:1234:5678:9abc:def0:1234:5678]:45678", "tcp://192.168.178.123:45678", "udp://10.0.0.12:7400"});
}

} // namespace

TEST_CASE("a ticket survives its text form") {
  auto text = to_text(usual(), keys_of(1));
  auto read = parse_ticket(text);
  REQUIRE(read);
  CHECK(*read == usual());
  CHECK(read->id() == usual().id());
}

TEST_CASE("a ticket with three addresses fits a QR code") {
  auto text = to_text(usual(), keys_of(1));
  INFO(text.size());
  CHECK(text.size() < 700);
}

TEST_CASE("line breaks, spaces and capitals are forgiven") {
  auto text = to_text(usual(), keys_of(1));
  for (auto& c : text) c = static_cast<char>(std::toupper(c));
  for (std::size_t i = 60; i < text.size(); i += 61) text.insert(i, "\r\n ");
  auto read = parse_ticket(text);
  REQUIRE(read);
  CHECK(*read == usual());
}

TEST_CASE("no altered character passes, and altered keys and signatures are told as tampered") {
  auto text = to_text(usual(), keys_of(1));
  std::size_t tampered = 0;
  for (std::size_t i = 5; i < text.size(); ++i) {
    auto altered = text;
    altered[i] = altered[i] == 'a' ? 'b' : 'a';
    auto read = parse_ticket(altered);
    REQUIRE_FALSE(read);
    CHECK((read.why().code == error_code::tampered || read.why().code == error_code::malformed));
    if (read.why().code == error_code::tampered) ++tampered;
  }
  CHECK(tampered > 250);
}

TEST_CASE("what is no ticket or half of one is malformed") {
  auto text = to_text(usual(), keys_of(1));
  for (auto& each : {std::string{}, std::string{"glow:"}, std::string{"glow:!!!!"}, std::string{"http://x"}, text.substr(0, 120),
                     "glow:" + to_base32(byte_string(400)), std::string(100'000, 'a'), "glow:" + std::string(2000, 'a')}) {
    auto read = parse_ticket(each);
    REQUIRE_FALSE(read);
    CHECK(read.why().code == error_code::malformed);
  }
  auto cut = parse_ticket(text.substr(0, text.size() - 8));
  REQUIRE_FALSE(cut);
}

TEST_CASE("a packed bomb is refused before it is unpacked") {
  byte_string bomb(65);
  bomb[0] = 1;
  for (int i = 0; i < 700; ++i) append(bomb, byte_string{0x00, 0xff});
  CHECK(parse_ticket("glow:" + to_base32(bomb)).why().code == error_code::malformed);
}

TEST_CASE("sixteen addresses fit, the seventeenth and what is too long stay out") {
  auto many = an_invitation({});
  for (std::uint16_t i = 1; i <= 20; ++i) many.addresses.push_back({"udp", "192.168.100.100", i, {}, {}});
  auto read = parse_ticket(to_text(many, keys_of(1)));
  REQUIRE(read);
  CHECK(read->addresses.size() == 16);
  auto longest = an_invitation({});
  for (int i = 0; i < 3; ++i) longest.addresses.push_back({"unix", "", 0, "/" + std::string(800, 'x'), {}});
  read = parse_ticket(to_text(longest, keys_of(1)));
  REQUIRE(read);
  CHECK(read->addresses.size() == 1);
}

TEST_CASE("a ticket that expires at no time of the calendar is malformed") {
  for (auto unix_ms : {INT64_MIN, std::int64_t{-1}, to_unix_ms(record_time_max) + 1, INT64_MAX}) {
    auto invitation = usual();
    invitation.expires = from_unix_ms(unix_ms);
    auto read = parse_ticket(to_text(invitation, keys_of(1)));
    REQUIRE_FALSE(read);
    CHECK(read.why().code == error_code::malformed);
  }
}

TEST_CASE("a ticket expires") {
  auto invitation = usual();
  CHECK(check_expiry(invitation, at(899)));
  CHECK(check_expiry(invitation, at(900)).why().code == error_code::expired);
}
