// Letters, receipts and records of mailboxes, and a node's mail among members that sign what they like.
#include "runtime/base/overloaded.hpp"
#include "runtime/mail/limits.hpp"
#include "runtime/mail/mail_machine.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace mail;

identity::node_keys keys_of(std::uint64_t number) {
  seeded_random random{number};
  return identity::node_keys::generate(random);
}
const identity::node_keys& ours() {
  static const auto keys = keys_of(1);
  return keys;
}
const identity::node_keys& theirs() { // a member that lies
  static const auto keys = keys_of(2);
  return keys;
}
const identity::node_keys& third() {
  static const auto keys = keys_of(3);
  return keys;
}

constexpr auto noon = wall_time{std::chrono::milliseconds{1'760'000'000'000}};

letter_header header_to(const node_id& recipient, std::uint64_t number) {
  return {{theirs().id(), recipient, 77}, number, 0, noon, noon + 24h};
}
byte_string true_letter(const node_id& recipient, std::uint64_t number, const std::string& box = "inbox") {
  seeded_random random{number};
  return *seal_letter(header_to(recipient, number), {box, to_bytes(std::string_view{"hello"})}, theirs(), random);
}
receipt true_receipt() { return {{theirs().id(), ours().id(), 77}, {}}; }

byte_string signed_receipt(std::initializer_list<number_range> ranges) {
  auto told = true_receipt();
  for (auto each : ranges) told.received.insert(each);
  return sign_receipt(told, ours());
}

void check_letter(script& from) {
  auto original = true_letter(ours().id(), 3);
  auto bytes = edited(from, original);
  auto header = read_letter(bytes);
  if (!header) return require_readable(header.why());
  require(bytes == original, "nobody signs a letter but its sender");
  require(open_letter(bytes, ours()).ok(), "a true letter opens");
}

void check_receipt(script& from) {
  auto original = signed_receipt({{0, 5}, {7, 9}});
  auto bytes = edited(from, original);
  auto told = read_receipt(bytes);
  if (!told) return require_readable(told.why());
  require(bytes == original, "nobody signs a receipt but its recipient");
}

void check_record(script& from) {
  auto prefix = records_prefix();
  prefix.push_back("pnrktex"[from.below(7)]);
  auto decode = [&](byte_view bytes) { return decode_record(prefix, bytes); };
  auto encode_any = [](const any_record& record) { return std::visit([](auto& each) { return encode(each); }, record); };
  auto bytes = to_bytes(from.rest());
  if (!keeps_meaning(bytes, decode, encode_any)) return;
  seeded_random random{9};
  mail_machine machine{std::make_shared<identity::node_keys>(ours()), random};
  machine.restore(*decode(bytes));
  (void)machine.on_tick({steady_time{1000s}, noon});
  require(machine.boxes().letters() <= 1 && machine.letters().held_for_others() <= 1, "one record is one letter at most");
}

/// A node's mail, a disk that mostly works, and members whose requests and answers the script makes up.
struct stage {
  seeded_random random{5};
  mail_machine machine{std::make_shared<identity::node_keys>(ours()), random};
  std::vector<std::uint64_t> writes;
  std::vector<std::uint64_t> asked;
  std::uint64_t token = 0;
  std::size_t taken_in = 0; ///< letters that may lie in boxes
  steady_time now{1000s};

  moment at() const { return {now, noon + std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch())}; }
  void note(effects&& todo) {
    for (auto& each : todo)
      std::visit(overloaded{
                   [&](write_records& e) { writes.push_back(e.ticket); },
                   [&](ask_node& e) { asked.push_back(e.ticket); },
                   [&](answer_request& e) {
                     require(e.token != 0 && e.token <= token, "an answer is to a question");
                     if (!e.answer) require_readable(e.answer.why());
                   },
                   [](auto&) {},
                 },
                 each);
  }
};

/// A letter with any header and content, truly signed by a member.
byte_string forged_letter(script& from) {
  letter_header header;
  header.way = {theirs().id(), from.below(3) ? ours().id() : third().id(), from.below(4) ? 77 : from.u64()};
  header.number = from.below(4) ? from.below(40) : from.u64() % UINT64_MAX;
  header.floor = from.below(4) ? 0 : header.number - std::min<std::uint64_t>(header.number, from.below(8));
  header.sent = noon;
  header.expires = noon + std::chrono::seconds{from.u32()};
  seeded_random random{from.u8()};
  auto out = *seal_letter(header, {from.below(2) ? "inbox" : "other", to_bytes(from.counted_bytes())}, theirs(), random);
  return from.below(4) ? out : edited(from, out);
}

byte_string forged_receipt(script& from) {
  receipt told{{ours().id(), theirs().id(), from.u64()}, {}};
  for (auto left = from.below(6); left > 0; --left) {
    std::uint64_t begin = from.u16();
    told.received.insert({begin, begin + 1 + from.u8()});
  }
  return from.below(3) ? sign_receipt(told, theirs()) : edited(from, signed_receipt({{0, 5}}));
}

void check_machine(script& from) {
  stage on;
  auto roster = std::make_shared<identity::roster>();
  roster->self = ours().id();
  for (auto* each : {&ours(), &theirs(), &third()}) roster->members.push_back({each->id(), "n", identity::role::member, {}});
  std::sort(roster->members.begin(), roster->members.end(), [](auto& a, auto& b) { return a.id < b.id; });
  on.note(on.machine.on_roster(roster, on.at()));
  for (int steps = 0; !from.done() && steps < 64; ++steps) {
    switch (from.below(8)) {
    case 0: on.note(on.machine.on_request(++on.token, theirs().id(), question::deliver, forged_letter(from), on.at())); break;
    case 1: on.note(on.machine.on_request(++on.token, theirs().id(), question::hold, forged_letter(from), on.at())); break;
    case 2: on.note(on.machine.on_request(++on.token, theirs().id(), question::settled, forged_receipt(from), on.at())); break;
    case 3: on.note(on.machine.on_request(++on.token, theirs().id(), question::receipt, from.counted_bytes(), on.at())); break;
    case 4:
      on.note(on.machine.send(++on.token, from.below(2) ? theirs().id() : third().id(), "inbox", to_bytes(from.counted_bytes()),
                              1h, on.at()));
      break;
    case 5:
      if (on.writes.empty()) break;
      on.note(on.machine.on_written(on.writes.front(), from.below(8) ? result<void>{} : error{error_code::io, "no"}, on.at()));
      on.writes.erase(on.writes.begin());
      break;
    case 6: {
      if (on.asked.empty()) break;
      auto ticket = on.asked[from.below(256) % on.asked.size()];
      std::erase(on.asked, ticket); // the answer may bring new ones
      auto answer = from.below(2) ? result<byte_string>{forged_receipt(from)} : error{error_code::unreachable, "no route"};
      on.note(on.machine.on_answer(ticket, answer, on.at()));
      break;
    }
    default:
      on.now += std::chrono::seconds{from.u16()};
      on.note(on.machine.on_reachable({{theirs().id(), true, true}, {third().id(), from.below(2) == 0, false}}, on.at()));
      on.note(on.machine.on_tick(on.at()));
    }
  }
  require(on.asked.size() <= limits::deliveries_active_max + limits::handovers_active_max + limits::tellings_active_max,
          "what is under way is bounded");
  require(on.machine.letters().held_for_others() <= limits::custody_letters_per_sender_max, "custody for one sender is bounded");
}

void check_mail(byte_view input) {
  script from{input};
  switch (from.below(4)) {
  case 0: return check_letter(from);
  case 1: return check_receipt(from);
  case 2: return check_record(from);
  default: return check_machine(from);
  }
}

std::vector<seed> mail_seeds() {
  auto record = [](std::uint8_t kind, const byte_string& bytes) {
    byte_string out{2, kind};
    append(out, bytes);
    return out;
  };
  number_set numbers;
  numbers.insert({0, 9});
  numbers.insert(12);
  lane way{theirs().id(), ours().id(), 77};
  return {{"letter", {0}},
          {"letter_cut", {0, 1, 3, 40, 0}},
          {"receipt", {1}},
          {"parcel", record(0, encode(parcel{way, 3, 200, noon, noon, "inbox", {third().id()}}))},
          {"numbering", record(1, encode(numbering_of{third().id(), 77, 4}))},
          {"received", record(2, encode(received_of{theirs().id(), 77, numbers, noon}))},
          {"kept", record(3, encode(kept_letter{5, theirs().id(), 77, 3, "inbox", noon, noon, 5}))},
          {"telling", record(4, encode(telling{theirs().id(), signed_receipt({{0, 5}}), noon}))},
          {"ended", record(5, encode(ended_letter{third().id(), 77, 3, "inbox", letter_end::refused, "why", 5, noon, noon}))},
          {"deliver",
           {3, 0, 1, 1, 1, 3, 1, 9, 9, 0, 0, 1, 1, 2, 'h', 'i', 1, 5, 1, 0, 1, 1, 1, 3, 1, 9, 9, 0, 0, 1, 1, 2, 'h', 'i', 1}},
          {"hold", {3, 1, 0, 1, 1, 3, 1, 9, 9, 0, 0, 1, 1, 2, 'h', 'i', 1, 5, 1, 7, 10, 0, 0, 6, 0}},
          {"send", {3, 4, 1, 2, 'h', 'i', 5, 1, 7, 10, 0, 0, 6, 0, 7, 0, 1, 0, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 9, 1}}};
}

} // namespace

const target mail_target{
  "mail",     "mail::read_letter, open_letter, read_receipt, read_question, decode_record; mail_machine among members that lie",
  check_mail, mail_seeds,
  4096,       8};

} // namespace glow::fuzz
