#include "tests/runtime/mail/mail_network.hpp"

#include <catch2/catch.hpp>

#include <rapidcheck.h>

using namespace glow;
using namespace glow::mail;
using glow::mail::testing::mail_network;

namespace {

using texts = std::vector<std::string>;
constexpr std::size_t alice = 0, bob = 1, carol = 2, dave = 3;

} // namespace

TEST_CASE("a message to a node that is there lies in its box, and its sender knows") {
  mail_network net{2};
  net.send(alice, bob, "inbox", "hello");
  CHECK(net.at(alice).acknowledged.empty()); // nothing is on the disk yet
  net.settle();
  REQUIRE(net.at(alice).acknowledged.size() == 1);
  CHECK(net.status(alice).state == letter_state::delivered);
  CHECK(net.fetch_all(bob, "other").empty());
  CHECK(net.fetch_all(bob, "inbox") == texts{"hello"});
  CHECK(net.fetch_all(bob, "inbox").empty());
  CHECK(net.at(alice).disk.size() == 2); // how it ended, and the next number
  CHECK(net.at(bob).disk.size() == 1);   // that it was received
}

TEST_CASE("a node may send to a box of its own") {
  mail_network net{1};
  net.send(alice, alice, "notes", "milk");
  net.settle();
  CHECK(net.fetch_all(alice, "notes") == texts{"milk"});
  CHECK(net.status(alice).state == letter_state::delivered);
}

TEST_CASE("a message waits for a node that is off, and survives the sender's crash") {
  mail_network net{2};
  net.crash(bob);
  net.send(alice, bob, "inbox", "later");
  net.settle();
  CHECK(net.status(alice).state == letter_state::waiting);
  CHECK_FALSE(net.status(alice).reachable);
  CHECK(net.mail(alice).letters().is_at_rest(net.at(alice).acknowledged[0], net.now()));
  net.crash(alice);
  net.start(alice);
  net.start(bob);
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"later"});
  CHECK(net.status(alice).state == letter_state::delivered);
}

TEST_CASE("a message that is not on the disk is not acknowledged, and a full disk says so") {
  mail_network net{2};
  net.at(alice).disk_full = true;
  net.send(alice, bob, "inbox", "x");
  net.settle();
  CHECK(net.at(alice).acknowledged.empty());
  REQUIRE(net.at(alice).refused.size() == 1);
  CHECK(net.at(alice).refused[0].code == error_code::exhausted);
  net.at(alice).disk_full = false;
  net.send(alice, bob, "inbox", "y");
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"y"});
}

TEST_CASE("a custodian delivers while the sender is off, and both hear of it") {
  mail_network net{3};
  byte_string seen;
  net.on_letter_handed_over = [&](byte_view letter) { seen = to_bytes(letter); };
  net.crash(bob);
  net.send(alice, bob, "inbox", "a secret of some length");
  net.settle();
  CHECK(net.status(alice).custodians == 1);
  CHECK(net.mail(carol).letters().held_for_others() == 1);
  CHECK(as_text(seen).find("secret") == std::string_view::npos);
  CHECK(as_text(seen).find("inbox") == std::string_view::npos);
  net.crash(alice);
  net.start(bob);
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"a secret of some length"});
  CHECK(net.mail(carol).letters().held_for_others() == 0);
  net.crash(bob); // nobody but the custodian can tell now
  net.crash(carol);
  net.start(carol);
  net.start(alice);
  net.settle();
  CHECK(net.status(alice).state == letter_state::delivered);
  net.start(bob);
  net.pass(10min);
  CHECK(net.fetch_all(bob, "inbox").empty());
  for (auto& [key, value] : net.at(carol).disk) FAIL_CHECK("the custodian keeps " << as_text(key).substr(0, 8));
}

TEST_CASE("two custodians at most hold a letter, and drop it when they hear that it came by another way") {
  mail_network net{6};
  net.crash(bob);
  net.send(alice, bob, "inbox", "x");
  net.settle();
  CHECK(net.status(alice).custodians == limits::custodians_max);
  std::size_t held = 0;
  for (std::size_t i = 2; i < net.size(); ++i) held += net.mail(i).letters().held_for_others();
  CHECK(held == limits::custodians_max);
  for (std::size_t i = 2; i < net.size(); ++i) net.connect(i, bob, false); // only the sender meets it
  net.start(bob);
  net.settle();
  for (std::size_t i = 2; i < net.size(); ++i) CHECK(net.mail(i).letters().held_for_others() == 0);
  CHECK(net.fetch_all(bob, "inbox") == texts{"x"});
}

TEST_CASE("a recipient that has a letter already is not handed it again by a custodian") {
  mail_network net{3};
  net.crash(bob);
  net.send(alice, bob, "inbox", "x");
  net.settle();
  net.connect(carol, bob, false);
  net.connect(carol, alice, false);
  net.start(bob);
  net.settle();
  CHECK(net.at(bob).deliveries == 1);
  net.connect(carol, bob);
  net.settle();
  CHECK(net.at(bob).deliveries == 1); // it asked, and heard
  CHECK(net.mail(carol).letters().held_for_others() == 0);
}

TEST_CASE("messages of one sender come in their order, although a custodian has the later one sooner") {
  mail_network net{3};
  net.connect(alice, bob, false);
  net.connect(alice, carol, false);
  net.send(alice, bob, "inbox", "first");
  net.settle();
  net.connect(bob, carol, false);
  net.connect(alice, carol);
  net.settle();
  net.send(alice, bob, "inbox", "second");
  net.settle();
  net.connect(bob, carol);
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"first", "second"});
  net.connect(alice, bob);
  net.pass(1min);
  for (int i = 0; i < 20; ++i) net.send(alice, bob, "many", std::to_string(i));
  net.settle();
  texts expected;
  for (int i = 0; i < 20; ++i) expected.push_back(std::to_string(i));
  CHECK(net.fetch_all(bob, "many") == expected);
}

TEST_CASE("an earlier letter is not taken for settled because a later one came first") {
  mail_network net{3};
  net.crash(bob);
  for (auto text : {"first", "second"}) {
    net.send(alice, bob, "inbox", text);
    net.write_one(alice);
  }
  REQUIRE(net.under_way() == 2); // carol is asked to hold each of them
  net.deliver(0, true);
  net.settle();
  CHECK(net.mail(carol).letters().held_for_others() == 1);
  net.crash(alice);
  net.start(bob);
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"second"});
  net.start(alice);
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"first"});
}

TEST_CASE("a letter whose life is over is dropped by its sender and by its custodian") {
  mail_network net{3};
  net.crash(bob);
  net.send(alice, bob, "inbox", "x", 1h);
  net.settle();
  CHECK(net.mail(carol).letters().held_for_others() == 1);
  net.pass(2h);
  CHECK(net.status(alice).state == letter_state::expired);
  CHECK(net.mail(carol).letters().held_for_others() == 0);
  net.start(bob);
  net.settle();
  CHECK(net.fetch_all(bob, "inbox").empty());
  net.send(alice, bob, "inbox", "y"); // the gap in the numbers is nobody's concern
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"y"});
}

TEST_CASE("a message that was taken but not confirmed is there again, and its taker alone removes it") {
  mail_network net{2};
  net.send(alice, bob, "inbox", "x");
  net.settle();
  CHECK(net.take(bob, "inbox") == "x");
  CHECK(net.take(bob, "inbox") == std::nullopt); // somebody holds it
  net.end_takes(bob, false);
  CHECK(net.take(bob, "inbox") == "x");
  net.crash(bob);
  net.start(bob);
  CHECK(net.take(bob, "inbox") == "x");
  net.pass(limits::mail_lease + 1s); // its taker hangs
  CHECK(net.take(bob, "inbox") == "x");
  net.end_takes(bob, true);
  net.settle();
  CHECK(net.at(bob).fetched == texts{"x"});
  CHECK(net.take(bob, "inbox") == std::nullopt);
}

TEST_CASE("custody has quotas: for one sender, and for what is too long") {
  mail_network net{3};
  net.crash(bob);
  for (std::size_t i = 0; i < limits::custody_letters_per_sender_max + 10; ++i) net.send(alice, bob, "inbox", std::to_string(i));
  net.settle();
  CHECK(net.mail(carol).letters().held_for_others() == limits::custody_letters_per_sender_max);
  net.send(alice, bob, "inbox", std::string(limits::mail_body_bytes_max + 1, 'x'));
  net.settle();
  REQUIRE(net.at(alice).refused.size() == 1);
  CHECK(net.at(alice).refused[0].message.find("glow put") != std::string::npos);
  net.start(bob);
  net.pass(10min);
  CHECK(net.fetch_all(bob, "inbox").size() == limits::custody_letters_per_sender_max + 10);
}

TEST_CASE("a sender whose database is lost begins another numbering, and its new messages come") {
  mail_network net{2};
  net.send(alice, bob, "inbox", "old");
  net.settle();
  net.crash(alice);
  net.at(alice).disk.clear();
  net.start(alice);
  net.send(alice, bob, "inbox", "new");
  net.settle();
  CHECK(net.fetch_all(bob, "inbox") == texts{"old", "new"});
}

TEST_CASE("whatever is lost, repeated, overtaken or crashes: what was acknowledged lies in its box exactly once") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    mail_network net{4, seed | 1};
    auto& dice = net.random();
    std::uint64_t sent = 0;
    auto chance = [&](unsigned in) { return dice.next_below(in) == 0; };
    for (int step = 0; step < 600; ++step) {
      auto node = dice.next_below(net.size());
      switch (dice.next_below(16)) {
      case 0:
      case 1: net.send(node, dice.next_below(net.size()), "box", std::to_string(++sent)); break;
      case 2:
        if (chance(2)) net.crash(node, dice.next_below(4));
        break;
      case 3: net.start(node); break;
      case 4: net.connect(node, dice.next_below(net.size()), chance(2)); break;
      case 5:
        if (net.take(node, "box") && chance(2)) net.end_takes(node, chance(2));
        break;
      case 6: net.pass(chance(3) ? 5min : 1s, false); break;
      case 7: net.at(node).disk_full = chance(4); break;
      case 8:
      case 9:
      case 10:
        if (net.at(node).machine) net.write_one(node);
        break;
      default:
        if (net.under_way() > 0) net.deliver(dice.next_below(net.under_way()), chance(6), chance(6));
      }
    }
    for (std::size_t i = 0; i < net.size(); ++i) {
      net.at(i).disk_full = false;
      net.start(i);
      for (std::size_t k = 0; k < i; ++k) net.connect(i, k);
    }
    net.pass(30min);
    std::map<std::string, int> seen;
    std::size_t in_custody = 0;
    for (std::size_t i = 0; i < net.size(); ++i) {
      net.end_takes(i, false);
      net.fetch_all(i, "box");
      for (auto& each : net.at(i).fetched) ++seen[each];
      in_custody += net.mail(i).letters().held_for_others();
    }
    std::size_t acknowledged = 0;
    for (std::size_t i = 0; i < net.size(); ++i)
      for (auto& each : net.at(i).acknowledged) {
        ++acknowledged;
        RC_ASSERT(net.mail(i).letters().status(each)->state == letter_state::delivered);
      }
    for (auto& [body, times] : seen) RC_ASSERT(times == 1);
    RC_ASSERT(seen.size() >= acknowledged);
    RC_ASSERT(in_custody == 0u);
  }));
}
