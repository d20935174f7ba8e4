#include "runtime/identity/limits.hpp"
#include "tests/runtime/identity/a_namespace.hpp"

#include <catch2/catch.hpp>

using namespace glow;
using namespace glow::identity;
using namespace glow::identity::testing;

namespace {

const a_namespace home;

/// root ─► 1 (admin) ─► 2 (admin) ─► 3 (member)
membership_log chain_of_three() {
  return home.log({home.create(), home.admit(home.root, 1, role::admin, 1), home.admit(keys_of(1), 2, role::admin, 2),
                   home.admit(keys_of(2), 3, role::member, 3)});
}

} // namespace

TEST_CASE("a certificate proves its node to somebody who knows only the namespace") {
  auto certificate = chain_of_three().make_certificate(id_of(3));
  REQUIRE(certificate);
  CHECK(certificate->size() <= limits::certificate_bytes_max);
  auto shown = verify_certificate(home.id, id_of(3), *certificate);
  REQUIRE(shown);
  CHECK(shown->name == "node3");
  CHECK(shown->as == role::member);
  auto records = records_of_certificate(home.id, id_of(3), *certificate);
  REQUIRE(records);
  membership_log fresh{home.id};
  CHECK(fresh.merge(*records) == 3);
  CHECK(fresh.evaluate(id_of(1), {}).find(id_of(3)));
}

TEST_CASE("a certificate shown by another node, or for another namespace, or none at all, is no member's") {
  auto certificate = *chain_of_three().make_certificate(id_of(3));
  CHECK(verify_certificate(home.id, id_of(4), certificate).why().code == error_code::not_a_member);
  CHECK(verify_certificate(namespace_id{id_of(8).value}, id_of(3), certificate).why().code == error_code::not_a_member);
  CHECK(verify_certificate(home.id, id_of(3), {}).why().code == error_code::not_a_member);
}

TEST_CASE("every flipped bit of a certificate is noticed") {
  auto certificate = *chain_of_three().make_certificate(id_of(3));
  std::size_t tampered = 0;
  for (std::size_t i = 0; i < certificate.size(); ++i) {
    auto broken = certificate;
    broken[i] ^= 0x10;
    auto verdict = verify_certificate(home.id, id_of(3), broken);
    if (verdict) { // only padding, or an unused part of a pointer, may differ without a change of meaning
      CHECK(verdict->name == "node3");
      CHECK(verdict->as == role::member);
      continue;
    }
    if (verdict.why().code == error_code::tampered) ++tampered;
  }
  CHECK(tampered >= 3 * 64 + 2 * 32); // three signatures, and the keys of the two admins
}

TEST_CASE("truncated and random certificates are malformed") {
  auto certificate = *chain_of_three().make_certificate(id_of(3));
  for (std::size_t length = 1; length < certificate.size(); length += 7)
    CHECK_FALSE(verify_certificate(home.id, id_of(3), byte_view{certificate}.first(length)));
  CHECK(verify_certificate(home.id, id_of(3), byte_string(5000)).why().code == error_code::malformed);
}

TEST_CASE("a chain through somebody who was no admin is refused") {
  auto member_as_issuer = home.admit(keys_of(1), 2, role::member, 2);
  auto first = home.admit(home.root, 1, role::member, 1);
  auto forged = encode_certificate(home.id, {&member_as_issuer, &first});
  REQUIRE(forged);
  CHECK(verify_certificate(home.id, id_of(2), *forged).why().code == error_code::not_a_member);
}

TEST_CASE("a chain that does not end at the root is refused") {
  auto self_made = home.admit(keys_of(2), 2, role::admin, 2);
  auto forged = encode_certificate(home.id, {&self_made});
  REQUIRE(forged);
  CHECK(verify_certificate(home.id, id_of(2), *forged).why().code == error_code::tampered);
}

TEST_CASE("whoever was expelled in our log is refused although its certificate verifies") {
  auto log = chain_of_three();
  auto certificate = *log.make_certificate(id_of(3));
  CHECK(log.check_peer(id_of(3), certificate));
  REQUIRE(log.add(home.expel(home.root, 3, 9)));
  CHECK(verify_certificate(home.id, id_of(3), certificate));
  CHECK(log.check_peer(id_of(3), certificate).why().code == error_code::not_a_member);
  CHECK(check_peer(log.evaluate(id_of(1), {}), id_of(3), certificate).why().code == error_code::not_a_member);
  CHECK(log.make_certificate(id_of(3)).why().code == error_code::not_a_member);
}

TEST_CASE("whoever was admitted by an admin after that admin's expulsion is refused") {
  auto log = home.log({home.create(), home.admit(home.root, 1, role::admin, 1), home.expel(home.root, 1, 2)});
  auto theirs = home.log({home.create(), home.admit(home.root, 1, role::admin, 1), home.admit(keys_of(1), 5, role::member, 3)});
  CHECK(log.check_peer(id_of(5), *theirs.make_certificate(id_of(5))).why().code == error_code::not_a_member);
}

TEST_CASE("a member whom we have not heard of yet is accepted by its certificate") {
  auto ours = home.log({home.create(), home.admit(home.root, 1, role::admin, 1)});
  auto certificate = *chain_of_three().make_certificate(id_of(3));
  auto checked = check_peer(ours.evaluate(id_of(1), {}), id_of(3), certificate);
  REQUIRE(checked);
  CHECK(checked->as == role::member);
}

TEST_CASE("a chain longer than the bound makes no certificate, and says what to do") {
  std::vector<membership_record> records{home.create(), home.admit(home.root, 1, role::admin, 1)};
  for (std::uint64_t i = 2; i <= limits::certificate_records_max + 1; ++i)
    records.push_back(home.admit(keys_of(i - 1), i, role::admin, static_cast<std::int64_t>(i)));
  auto log = home.log(records);
  CHECK(log.make_certificate(id_of(limits::certificate_records_max)));
  auto refused = log.make_certificate(id_of(limits::certificate_records_max + 1));
  REQUIRE_FALSE(refused);
  CHECK(refused.why().code == error_code::exhausted);
}
