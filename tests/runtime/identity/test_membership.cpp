#include "runtime/identity/limits.hpp"
#include "runtime/identity/membership.hpp"

#include "tests/runtime/identity/a_namespace.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::identity;
using namespace glow::identity::testing;

namespace {

const a_namespace home;

/// Records of every kind and quality by root, admins, members and strangers, few enough to collide often.
rc::Gen<std::vector<membership_record>> some_records() {
  auto one = rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 5), rc::gen::inRange(1, 5), rc::gen::inRange(0, 4),
                                         rc::gen::inRange(0, 6), rc::gen::inRange(0, 3)),
                          [](const std::tuple<int, int, int, int, int>& draw) {
                            auto [issuer, subject, kind, second, as] = draw;
                            auto keys = issuer == 0 ? home.root : keys_of(static_cast<std::uint64_t>(issuer));
                            auto about = static_cast<std::uint64_t>(subject);
                            if (kind == 0) return home.expel(keys, about, second);
                            return home.admit(keys, about, static_cast<role>(as), second, kind == 1 ? "twin" : "");
                          });
  return rc::gen::container<std::vector<membership_record>>(one);
}

std::string described(const roster& r) {
  std::string out = r.name;
  for (auto& each : r.members)
    out += "|" + std::to_string(each.id.value[0]) + each.name + std::string{to_string(each.as)}
           + std::to_string(to_unix_ms(each.admitted));
  return out;
}

} // namespace

TEST_CASE("a namespace has the members that the root admitted") {
  auto members =
    home.members({home.create(), home.admit(home.root, 1, role::admin, 1), home.admit(home.root, 2, role::guest, 2)});
  CHECK(members.name == "home");
  REQUIRE(members.members.size() == 2);
  REQUIRE(members.find(id_of(2)));
  CHECK(members.find(id_of(2))->as == role::guest);
  CHECK(members.find_by_name("node1")->id == id_of(1));
  CHECK(members.name_of(id_of(1)) == "node1");
  CHECK(members.name_of(id_of(9)).size() == 8);
}

TEST_CASE("an admin admits, a member does not") {
  auto admin = keys_of(1), plain = keys_of(2);
  auto members = home.members({home.create(), home.admit(home.root, 1, role::admin, 1), home.admit(admin, 2, role::member, 2),
                               home.admit(plain, 3, role::member, 3)});
  CHECK(members.find(id_of(2)));
  CHECK_FALSE(members.find(id_of(3)));
}

TEST_CASE("an expulsion ends an earlier admission, a later admission begins anew") {
  auto first = home.admit(home.root, 2, role::member, 1);
  auto out = home.expel(home.root, 2, 2);
  CHECK_FALSE(home.members({out, first}).find(id_of(2)));
  auto again = home.members({home.admit(home.root, 2, role::guest, 3, "back"), out, first});
  REQUIRE(again.find(id_of(2)));
  CHECK(again.find(id_of(2))->name == "back");
  CHECK(again.find(id_of(2))->as == role::guest);
}

TEST_CASE("at the same moment the expulsion wins") {
  CHECK_FALSE(home.members({home.admit(home.root, 2, role::member, 5), home.expel(home.root, 2, 5)}).find(id_of(2)));
}

TEST_CASE("an expelled admin's later records are void, its earlier ones stay") {
  auto admin = keys_of(1);
  auto members = home.members({home.admit(home.root, 1, role::admin, 1), home.admit(admin, 2, role::member, 2),
                               home.expel(home.root, 1, 3), home.admit(admin, 3, role::member, 4)});
  CHECK(members.find(id_of(2)));
  CHECK_FALSE(members.find(id_of(1)));
  CHECK_FALSE(members.find(id_of(3)));
}

TEST_CASE("members of the same name get suffixes in the order of their admission") {
  auto members = home.members({home.admit(home.root, 4, role::member, 4, "pi-2"), home.admit(home.root, 3, role::member, 3, "pi"),
                               home.admit(home.root, 2, role::member, 2, "pi"), home.admit(home.root, 1, role::member, 1, "pi")});
  CHECK(members.find(id_of(1))->name == "pi");
  CHECK(members.find(id_of(2))->name == "pi-3");
  CHECK(members.find(id_of(3))->name == "pi-4");
  CHECK(members.find(id_of(4))->name == "pi-2");
}

TEST_CASE("records merged in any order and any portions give the same roster") {
  auto ok = rc::check([] {
    auto records = *some_records();
    records.push_back(home.create());
    membership_log forward{home.id}, shuffled{home.id};
    for (auto& each : records) RC_ASSERT(forward.add(each).ok());
    auto order = records;
    seeded_random dice{*rc::gen::arbitrary<std::uint64_t>()};
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[dice.next_below(i)]);
    for (auto& each : order) RC_ASSERT(shuffled.add(encode_record(each)).ok());
    RC_ASSERT(shuffled.merge(std::vector<membership_record>{}) == 0);
    RC_ASSERT(described(forward.evaluate(id_of(1), {})) == described(shuffled.evaluate(id_of(1), {})));
    auto decoded = membership_log::decode(home.id, forward.encode());
    RC_ASSERT(decoded.ok());
    RC_ASSERT(decoded->set_digest() == forward.set_digest());
  });
  REQUIRE(ok);
}

TEST_CASE("merging again, or half and half, changes nothing") {
  auto ok = rc::check([] {
    auto records = *some_records();
    membership_log whole{home.id}, halves{home.id};
    whole.merge(records);
    auto middle = records.begin() + static_cast<std::ptrdiff_t>(records.size() / 2);
    halves.merge(std::vector<membership_record>{middle, records.end()});
    halves.merge(records);
    RC_ASSERT(halves.merge(records) == 0);
    RC_ASSERT(whole.set_digest() == halves.set_digest());
  });
  REQUIRE(ok);
}

TEST_CASE("whoever is no admin cannot fill the log by merging") {
  auto stranger = keys_of(7), plain = keys_of(2);
  membership_log log{home.id};
  log.merge({home.create(), home.admit(home.root, 2, role::member, 1)});
  CHECK(log.merge({home.admit(stranger, 8, role::admin, 2), home.admit(keys_of(8), 7, role::admin, 3),
                   home.admit(plain, 9, role::member, 4)})
        == 0);
  CHECK(log.records().size() == 2);
}

TEST_CASE("an altered record is tampered, one of another namespace is no member's") {
  auto record = home.admit(home.root, 2, role::member, 1);
  membership_log log{home.id};
  auto promoted = record;
  promoted.as = role::admin;
  CHECK(log.add(promoted).why().code == error_code::tampered);
  auto renamed = record;
  renamed.name = "other";
  CHECK(log.add(renamed).why().code == error_code::tampered);
  membership_log other{namespace_id{id_of(5).value}};
  CHECK(other.add(record).why().code == error_code::not_a_member);
  CHECK(log.add(as_bytes("garbage!")).why().code == error_code::malformed);
  CHECK(*log.add(record));
  CHECK_FALSE(*log.add(record));
}

TEST_CASE("names that could mislead a terminal, a path or a command line are refused") {
  for (auto name : {"", "-rf", ".hidden", "a/b", "a b", "\x1b[2J", "n\xc3\xa4s", "a@b"}) {
    CAPTURE(name);
    auto record = home.admit(home.root, 2, role::member, 1, "x");
    record.name = name;
    sign_record(record, home.root);
    CHECK(check_record(record).why().code == error_code::malformed);
  }
  CHECK(node_name_from("Jane's Laptop") == "Jane-s-Laptop");
  CHECK(node_name_from("../..") == "node");
  CHECK(node_name_from("nas-") == "nas-"); // a name already
  CHECK(is_node_name(node_name_from(std::string(500, 'x'))));
  CHECK(is_node_name("nas.local_2-b"));
}

TEST_CASE("the log is bounded, and dates too") {
  auto late = home.admit(home.root, 2, role::member, 1);
  late.at = record_time_max + 1ms;
  sign_record(late, home.root);
  CHECK(check_record(late).why().code == error_code::malformed);

  membership_log log{home.id};
  auto keys = home.root;
  for (std::size_t i = 0; i < limits::membership_records_max; ++i)
    REQUIRE(log.add(home.record(record_kind::expel, keys, id_of(2), "", role::member, static_cast<std::int64_t>(i))).ok());
  CHECK(log.add(home.expel(keys, 3, 1)).why().code == error_code::exhausted);
}

TEST_CASE("a new record is dated after what is known of its subject and issuer") {
  auto log = home.log({home.admit(home.root, 2, role::member, 100)});
  CHECK(log.time_for(id_of(2), id_of(1), at(50)) == at(100) + 1ms);
  CHECK(log.time_for(id_of(3), id_of(2), at(50)) == at(100) + 1ms);
  CHECK(log.time_for(id_of(3), id_of(1), at(50)) == at(50));
}

TEST_CASE("random bytes never decode into records, and never crash") {
  auto ok = rc::check([](std::vector<std::uint8_t> junk) {
    junk.resize(junk.size() / 8 * 8);
    membership_log log{home.id};
    (void)log.merge(byte_view{junk});
    RC_ASSERT(log.records().empty());
  });
  REQUIRE(ok);
  auto valid = encode_records({home.create(), home.admit(home.root, 1, role::admin, 1)});
  seeded_random dice{4};
  for (int i = 0; i < 2000; ++i) {
    auto broken = valid;
    broken[dice.next_below(broken.size())] ^= static_cast<std::uint8_t>(1 + dice.next_below(255));
    membership_log log{home.id};
    (void)log.merge(broken);
    for (auto& [name, record] : log.records()) REQUIRE(check_record(record).ok());
  }
}
