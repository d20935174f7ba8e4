// Who belongs to a namespace: records, certificates, the namespace file, membership sync, tickets, beacons.
#include "runtime/base/base32.hpp"
#include "runtime/identity/beacon.hpp"
#include "runtime/identity/discovery_plan.hpp"
#include "runtime/identity/sync.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

#include <sodium.h>

namespace glow::fuzz {
namespace {

using namespace identity;

constexpr wall_time today{std::chrono::milliseconds{1'700'000'000'000}};

node_keys keys_of(std::uint64_t number) {
  seeded_random random{number * 7919 + 1};
  return node_keys::generate(random);
}

/// A founder's namespace with a second member that has redeemed a ticket, and that member's own knowledge of it.
struct small_namespace {
  node_keys founder_keys = keys_of(1), member_keys = keys_of(2);
  namespace_state founder;
  namespace_state member;
  std::string open_ticket;
  node_keys root = keys_of(3); ///< another root, for records that the tests sign
  byte_string certificate;

  small_namespace() : founder{make_founder()}, member{make_member()} {
    certificate = *member.make_certificate();
    seeded_random random{6};
    founder.set_own_addresses({*parse_channel_uri("udp://10.0.0.1:7400")});
    founder.remember_addresses(member_keys.id(), {*parse_channel_uri("tcp://10.0.0.2:7400")});
    open_ticket = founder.create_ticket(1h, role::guest, today, random)->text;
  }
  static const small_namespace& get() {
    static const small_namespace all;
    return all;
  }

private:
  namespace_state make_founder() {
    seeded_random random{5};
    return namespace_state::found("home", founder_keys, "laptop", today, random);
  }
  namespace_state make_member() {
    seeded_random random{7};
    auto invitation = founder.create_ticket(1h, role::member, today, random);
    auto read = parse_ticket(invitation->text);
    auto admission = founder.redeem_ticket(read->id(), member_keys.id(), "nas", today);
    return *namespace_state::decode(*admission, member_keys);
  }
};

// ---- records ---------------------------------------------------------------------------------------------------

void check_membership(byte_view input) {
  auto& world = small_namespace::get();
  if (keeps_meaning(
        input, [](byte_view bytes) { return decode_record(bytes); }, [](const membership_record& r) { return encode_record(r); }))
    if (auto good = check_record(*decode_record(input)); !good) require_readable(good.why());
  keeps_meaning(
    input, [](byte_view bytes) { return decode_records(bytes); },
    [](const std::vector<membership_record>& r) { return encode_records(r); });

  auto log = world.founder.log();
  const auto before = log.set_digest();
  auto added = log.merge(input);
  if (!added) require_readable(added.why());
  require(log.records().size() <= limits::membership_records_max, "a log is bounded");
  require((log.set_digest() == before) == (!added || *added == 0), "a log changes when something was added, and only then");
  auto roster = log.evaluate(world.founder_keys.id(), {});
  require(roster.find(world.founder_keys.id()) != nullptr, "strangers' records expel nobody");
}

std::vector<seed> membership_seeds() {
  auto& world = small_namespace::get();
  auto records = world.founder.log().all();
  membership_record expelled = records.back();
  expelled.kind = record_kind::expel;
  expelled.name.clear();
  expelled.ticket.reset();
  sign_record(expelled, world.root);
  return {{"admit", encode_record(records.back())}, {"expel", encode_record(expelled)}, {"records", encode_records(records)}};
}

// ---- certificates ----------------------------------------------------------------------------------------------

void check_certificate(byte_view input) {
  auto& world = small_namespace::get();
  script from{input};
  const bool make_up = from.below(2) == 1;
  auto certificate = make_up ? to_bytes(from.rest()) : edited(from, world.certificate);
  auto checked = verify_certificate(world.founder.id(), world.member_keys.id(), certificate);
  auto peer = world.founder.log().check_peer(world.member_keys.id(), certificate);
  if (!checked) {
    require_readable(checked.why());
    require(!peer.ok(), "who has no valid certificate is no peer");
    return;
  }
  auto records = records_of_certificate(world.founder.id(), world.member_keys.id(), certificate);
  require(records.ok() && checked->id == world.member_keys.id(), "a certificate is its holder's");
  std::vector<const membership_record*> chain;
  for (auto& each : *records) chain.push_back(&each);
  auto again = encode_certificate(world.founder.id(), chain);
  require(again.ok() && *again == world.certificate, "no other facts can be made of the signatures");
}

std::vector<seed> certificate_seeds() {
  byte_string made_up{1};
  append(made_up, small_namespace::get().certificate);
  return {{"true", {0, 0}}, {"bit", {0, 1, 0, 60, 0, 3}}, {"cut", {0, 1, 2, 100, 0}}, {"made_up", made_up}};
}

// ---- the namespace file ----------------------------------------------------------------------------------------

void check_namespace_file(byte_view input) {
  auto& world = small_namespace::get();
  script from{input};
  const bool make_up = from.below(2) == 1;
  auto file = make_up ? to_bytes(from.rest()) : edited(from, world.founder.encode());
  auto decode = [&](byte_view bytes) { return namespace_state::decode(bytes, world.founder_keys); };
  if (!keeps_meaning(file, decode, [](const namespace_state& state) { return state.encode(); })) return;
  auto state = *decode(file);
  seeded_random random{8};
  (void)state.is_member();
  (void)state.make_certificate();
  for (auto& [node, uris] : state.known_addresses(true))
    require(uris.size() <= limits::addresses_per_member_max, "places are bounded");
  if (auto invitation = state.create_ticket(1h, role::member, today, random)) {
    auto ticket = parse_ticket(invitation->text);
    require(ticket.ok(), "a ticket that is given out is one");
    auto admission = state.redeem_ticket(ticket->id(), keys_of(9).id(), "new", today);
    require(admission.ok() || admission.why().code != error_code::malformed,
            "an open ticket is redeemed, or refused with a reason");
  } else {
    require_readable(invitation.why());
  }
}

std::vector<seed> namespace_file_seeds() {
  auto& world = small_namespace::get();
  byte_string made_up{1}, joiner{1};
  append(made_up, world.founder.encode());
  append(joiner, world.member.encode());
  return {{"true", {0, 0}}, {"bit", {0, 1, 0, 200, 0, 3}}, {"made_up", made_up}, {"member", joiner}};
}

// ---- sync ------------------------------------------------------------------------------------------------------

void check_membership_sync(byte_view input) {
  auto& world = small_namespace::get();
  script from{input};
  const auto what = from.below(3);
  auto message = to_bytes(from.rest());
  auto ours = world.founder;
  const auto members = ours.current_roster()->members.size();
  if (what == 0) { // a member asks
    auto answer = answer_sync(ours, world.member_keys.id(), message);
    if (!answer) return require_readable(answer.why());
    auto theirs = world.member;
    require(finish_sync(theirs, ours.self(), sync_extent::everything, answer->first).ok(), "an answer decodes");
  } else if (what == 1) { // a stranger asks
    auto answer = answer_sync(ours, keys_of(77).id(), message);
    require(!answer.ok(), "a stranger gets no answer");
    require_readable(answer.why());
    require(ours.log().set_digest() == world.founder.log().set_digest(), "a stranger changes nothing");
  } else { // a member answers
    const auto asked = from.below(2) == 0 ? sync_extent::brief : sync_extent::everything;
    auto done = finish_sync(ours, world.member_keys.id(), asked, message);
    if (!done) return require_readable(done.why());
    if (done->first) {
      auto theirs = world.member;
      require(answer_sync(theirs, ours.self(), done->first->body).ok(), "what follows decodes");
    }
  }
  require(ours.current_roster()->members.size() == members, "nobody becomes a member by sync without an admin's word");
  for (auto& [node, uris] : ours.known_addresses(true))
    require(uris.size() <= limits::addresses_per_member_max, "places are bounded");
}

std::vector<seed> membership_sync_seeds() {
  auto& world = small_namespace::get();
  auto with = [](std::uint8_t what, byte_view bytes) {
    byte_string out{what};
    append(out, bytes);
    return out;
  };
  auto ours = world.founder;
  auto request = make_sync_request(world.member, ours.self(), sync_extent::everything);
  auto question = make_sync_request(world.member, ours.self(), sync_extent::brief);
  auto answer = answer_sync(ours, world.member_keys.id(), request);
  return {{"request", with(0, request)},
          {"brief", with(0, question)},
          {"stranger", with(1, request)},
          {"response", with(2, answer->first)}};
}

// ---- tickets ---------------------------------------------------------------------------------------------------

void check_ticket(byte_view input) {
  auto& world = small_namespace::get();
  script from{input};
  std::string text;
  switch (from.below(3)) {
  case 0: text = to_text(from.rest()); break;
  case 1: text = to_text(edited(from, as_bytes(world.open_ticket))); break;
  default: { // signed by an inviter who packs what it likes
    auto packed = to_bytes(from.rest());
    auto signed_part = to_bytes(std::string_view{"glow ticket 1"});
    signed_part.push_back(0);
    append(signed_part, packed);
    byte_string bytes{1};
    append(bytes, world.founder_keys.sign(signed_part).view());
    append(bytes, packed);
    text = "glow:" + to_base32(bytes);
  }
  }
  auto read = parse_ticket(text);
  if (!read) return require_readable(read.why());
  require(read->addresses.size() <= limits::ticket_addresses_max, "places of a ticket are bounded");
  require(is_node_name(read->namespace_name), "a namespace's name can be shown");
  if (auto fresh = check_expiry(*read, today); !fresh) require_readable(fresh.why());
  if (read->inviter != world.founder_keys.id()) return;
  auto again = parse_ticket(to_text(*read, world.founder_keys));
  require(again.ok(), "what was read is written as a ticket");
  auto same = *again;
  if (same.addresses.size() < read->addresses.size()) same.addresses = read->addresses; // written ones must fit a QR code
  require(same == *read, "a ticket written again says the same");
}

std::vector<seed> ticket_seeds() {
  auto& world = small_namespace::get();
  byte_string whole{0};
  append(whole, as_bytes(world.open_ticket));
  byte_string packed{2};
  auto bytes = from_base32(std::string_view{world.open_ticket}.substr(5));
  append(packed, byte_view{*bytes}.subspan(65));
  return {{"whole", whole}, {"packed", packed}, {"bit", {1, 1, 1, 90, 0, 1}}, {"true", {1, 0}}};
}

// ---- beacons ---------------------------------------------------------------------------------------------------

const namespace_secret& beacon_secret() {
  static const namespace_secret secret = namespace_secret::from(byte_string(32, 4));
  return secret;
}
const beacon& true_beacon() {
  static const beacon content{keys_of(2).id(), true, {{"udp", 7400}, {"tcp", 7401}}};
  return content;
}
byte_string true_beacon_bytes() {
  seeded_random random{11};
  return encode_beacon(true_beacon(), beacon_secret(), today, random);
}

/// A member's beacon with any content: sealed as encode_beacon does it.
byte_string sealed_beacon(byte_view content) {
  auto out = true_beacon_bytes();
  auto plain = to_bytes(content);
  plain.resize(192);
  auto nonce = byte_string(out.begin() + 5, out.begin() + 21);
  append_le(nonce, static_cast<std::uint64_t>(to_unix_ms(today) / 60000));
  auto key = derive_key(beacon_secret().view(), "glow beacon cipher 1");
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + 37, nullptr, plain.data(), plain.size(), out.data(), 37, nullptr,
                                             nonce.data(), key.data());
  return out;
}

void check_beacon(byte_view input) {
  script from{input};
  static const auto original = true_beacon_bytes();
  const auto what = from.below(3);
  auto datagram = what == 0 ? to_bytes(from.rest()) : what == 1 ? edited(from, original) : sealed_beacon(from.rest());
  auto read = decode_beacon(datagram, beacon_secret(), today);
  if (!read) {
    require_readable(read.why());
  } else {
    require(what != 1 || datagram == original, "an altered beacon is none");
    require(read->listening.size() <= limits::beacon_ports_max, "places of a beacon are bounded");
    seeded_random random{12};
    auto again = encode_beacon(*read, beacon_secret(), today, random);
    require(again.size() == beacon_size_bytes, "every beacon is as long as every other");
    require(decode_beacon(again, beacon_secret(), today).value() == *read, "a beacon written again says the same");
  }
  require(!decode_beacon(datagram, namespace_secret::from(byte_string(32, 5)), today).ok(), "another namespace reads nothing");
  discovery_plan plan{keys_of(1).id()};
  auto verdict = plan.on_datagram(datagram, "192.168.1.9", beacon_secret(), today, steady_time{1000s});
  require(read.ok() || (verdict.sightings.empty() && !verdict.answer_now), "what is no beacon causes nothing");
  require(plan.on_datagram(datagram, "192.168.1.9", beacon_secret(), today, steady_time{1000s}).sightings.empty(),
          "the same place is no news twice");
}

std::vector<seed> beacon_seeds() {
  byte_string raw{0};
  append(raw, true_beacon_bytes());
  byte_string content{2};
  append(content, true_beacon().node.view());
  append(content, byte_string{1, 2, 3, 'u', 'd', 'p', 0xe8, 0x1c, 3, 't', 'c', 'p', 0xe9, 0x1c});
  return {{"raw", raw}, {"content", content}, {"bit", {1, 1, 0, 50, 0, 1}}, {"true", {1, 0}}};
}

} // namespace

const target membership_target{
  "membership", "identity::decode_record, decode_records, membership_log::merge", check_membership, membership_seeds, 4096, 10};
const target certificate_target{
  "certificate", "identity::verify_certificate, membership_log::check_peer", check_certificate, certificate_seeds, 1200, 4};
const target namespace_file_target{
  "namespace_file", "identity::namespace_state::decode", check_namespace_file, namespace_file_seeds, 8192, 10};
const target membership_sync_target{
  "membership_sync", "identity::answer_sync, finish_sync", check_membership_sync, membership_sync_seeds, 4096, 10};
const target ticket_target{"ticket", "identity::parse_ticket", check_ticket, ticket_seeds, 3000, 4};
const target beacon_target{"beacon", "identity::decode_beacon, discovery_plan", check_beacon, beacon_seeds, 512};

} // namespace glow::fuzz
