#include "tests/simulation/stream_traffic.hpp"

#include <caf/send.hpp>

namespace glow::simulation {
namespace {

const std::string service = "bytes";
constexpr std::size_t piece_bytes_max = 16'000;
constexpr duration give_up_within = 20s;
constexpr duration slow_writer = 8s, slow_reader = 3s;
constexpr duration short_patience = 10s;

/// One in so many streams is …
constexpr std::uint64_t one_in_bulk = 6, one_in_slow = 4, one_in_given_up = 10, one_in_answering = 3, one_in_impatient = 3;

} // namespace

void stream_traffic::serve_on(std::size_t node) {
  auto& parts = mesh_.at(node).parts;
  auto& known = lives_[node];
  if (!parts.endpoint || (known && parts.endpoint.id() == known->id)) return;
  auto at = known = std::make_shared<life>(life{node, parts.endpoint.id(), parts.endpoint, nullptr, false});
  mesh_.runs().act_for(static_cast<owner_number>(node), [&] {
    at->program = mesh_.runs().system().spawn([this, at](caf::event_based_actor* self) { return program_behavior(self, at); });
  });
  caf::anon_send(at->endpoint, serve_streams{service, caf::actor_cast<caf::strong_actor_ptr>(at->program)});
  at->endpoint->attach_functor([this, at, alive = alive_](const caf::error&) {
    at->ended = true;
    caf::anon_send_exit(std::exchange(at->program, nullptr), caf::exit_reason::kill);
    if (!*alive) return;
    checker_.on_life_ended(at->node, at->id);
    std::erase_if(parties_, [&](auto& each) { return each.first.first == at->id; });
  });
}

caf::behavior stream_traffic::program_behavior(caf::event_based_actor* self, const life_ptr& at) {
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  return {
    [self](const driver_work& m) { m.work(self); },
    [](const streams_served&) {},
    [this, at](const incoming_stream& m) { on_incoming(at, m); },
    [this, at](const stream_received& m) { on_received(at, m); },
    [this, at](const stream_writable& m) { on_writable(at, m); },
    [this, at](const stream_ended& m) { on_ended(at, m); },
  };
}

stream_traffic::party* stream_traffic::find(party_key key) {
  auto found = parties_.find(key);
  return found == parties_.end() ? nullptr : &found->second;
}

stream_traffic::party& stream_traffic::add_party(const life_ptr& at, stream_id id, stream_side side, std::size_t writable,
                                                 std::size_t bytes_max) {
  party made;
  made.at = at;
  made.id = id;
  made.side = side;
  made.writable = writable;
  made.to_write = random_.next_below(bytes_max + 1);
  if (side == stream_side::opener) made.to_write += stream_checker::number_bytes;
  if (random_.next_below(one_in_slow) == 0) made.write_pause_max = slow_writer;
  if (random_.next_below(one_in_slow) == 0) made.read_pause_max = slow_reader;
  made.answers = side == stream_side::acceptor && random_.next_below(one_in_answering) == 0;
  return parties_[{at->id, id}] = std::move(made);
}

void stream_traffic::open_stream_from(std::size_t from, std::size_t to, std::size_t bytes_max) {
  auto& parts = mesh_.at(from).parts;
  answer_bytes_max_ = bytes_max;
  auto at = lives_[from];
  if (!at || at->ended || parts.endpoint.id() != at->id) return;
  open_stream question;
  question.to = mesh_.id_of(to);
  question.traffic = random_.next_below(one_in_bulk) == 0 ? traffic_class::bulk : traffic_class::interactive;
  question.terms.service = service;
  question.terms.priority = static_cast<stream::stream_priority>(random_.next_below(3));
  const bool patient = random_.next_below(one_in_impatient) != 0;
  question.terms.opening_patience = patient ? 0s : short_patience;
  caf::anon_send(at->program, driver_work{[=, this](caf::event_based_actor* self) {
                   auto asked = question;
                   asked.owner = caf::actor_cast<caf::strong_actor_ptr>(self);
                   self->request(at->endpoint, 30s, std::move(asked))
                     .then(
                       [=, this](const stream_opened& made) {
                         if (at->ended) return;
                         const auto number = ++last_number_;
                         checker_.on_opened(number, {from, to, at->id, patient});
                         auto& who = add_party(at, made.id, stream_side::opener, made.writable, bytes_max);
                         who.number = number;
                         give_up_some_time(who);
                         write_soon(who);
                       },
                       [](const caf::error&) {});
                 }});
}

void stream_traffic::give_up_some_time(const party& who) {
  if (random_.next_below(one_in_given_up) != 0) return;
  mesh_.runs().after(some(give_up_within), [this, key = party_key{who.at->id, who.id}] {
    auto* it = find(key);
    if (it == nullptr || !it->number) return;
    checker_.on_closed(*it->number, it->side);
    caf::anon_send(it->at->endpoint, close_stream{it->id, {error_code::failed, "enough of it"}});
    parties_.erase(key);
  });
}

void stream_traffic::write_soon(party& who) {
  if (who.armed || who.wrote_end || who.answers) return;
  if (who.writable == 0 && who.written < who.to_write) return; // until stream_writable
  who.armed = true;
  mesh_.runs().after(finishing_ ? 0ns : some(who.write_pause_max),
                     [this, key = party_key{who.at->id, who.id}] { write_piece(key); });
}

void stream_traffic::write_piece(party_key key) {
  auto* who = find(key);
  if (who == nullptr || !who->number || who->wrote_end) return;
  who->armed = false;
  auto bytes = std::min<std::uint64_t>({who->to_write - who->written, who->writable, 1 + random_.next_below(piece_bytes_max)});
  const bool end = who->written + bytes == who->to_write && random_.next_below(2) == 0; // or in a word of its own
  if (bytes == 0 && who->written < who->to_write) return;
  who->wrote_end = end || bytes == 0;
  auto content = checker_.content(*who->number, who->side, who->written, bytes);
  checker_.on_written(*who->number, who->side, bytes, who->wrote_end);
  who->written += bytes;
  who->writable -= bytes;
  caf::anon_send(who->at->endpoint,
                 write_stream{who->id, bytes == 0 ? packet_batch{} : packet_batch::of(std::move(content)), who->wrote_end});
  write_soon(*who);
}

void stream_traffic::consume_soon(const party& who, std::size_t bytes) {
  auto consume = [at = who.at, id = who.id, bytes] {
    if (!at->ended) caf::anon_send(at->endpoint, consume_stream{id, bytes});
  };
  if (who.read_pause_max == 0ns || finishing_) return consume();
  mesh_.runs().after(some(who.read_pause_max), consume);
}

void stream_traffic::on_incoming(const life_ptr& at, const incoming_stream& m) {
  if (at->ended) return;
  add_party(at, m.id, stream_side::acceptor, m.writable, answer_bytes_max_).from = m.from;
}

/// The first bytes of the opener say which stream it is.
void stream_traffic::learn_number(party& who) {
  if (who.number || who.beginning.size() < stream_checker::number_bytes) return;
  const auto when = mesh_.runs().elapsed();
  who.number = read_le<std::uint64_t>(who.beginning.data());
  checker_.on_incoming(*who.number, who.at->node, mesh_.number_of(who.from), who.at->id, when);
}

void stream_traffic::on_received(const life_ptr& at, const stream_received& m) {
  if (at->ended) return;
  const party_key key{at->id, m.id};
  const auto when = mesh_.runs().elapsed();
  if (auto gone = over_.find(key); gone != over_.end())
    return checker_.on_received(gone->second.first, gone->second.second, {}, m.end, when);
  auto* who = find(key);
  if (who == nullptr) return; // given up a moment ago
  for (auto& each : m.bytes.packets()) {
    consume_soon(*who, each.size());
    if (who->number) {
      checker_.on_received(*who->number, who->side, each, false, when);
      continue;
    }
    append(who->beginning, each);
    learn_number(*who);
    if (!who->number) continue;
    checker_.on_received(*who->number, who->side, std::exchange(who->beginning, {}), false, when);
    give_up_some_time(*who);
    write_soon(*who);
  }
  if (!m.end || !who->number) return;
  checker_.on_received(*who->number, who->side, {}, true, when);
  who->answers = false;
  write_soon(*who);
}

void stream_traffic::on_writable(const life_ptr& at, const stream_writable& m) {
  auto* who = find({at->id, m.id});
  if (at->ended || who == nullptr) return;
  who->writable += m.bytes;
  if (who->number) write_soon(*who);
}

void stream_traffic::on_ended(const life_ptr& at, const stream_ended& m) {
  if (at->ended) return;
  const party_key key{at->id, m.id};
  const auto when = mesh_.runs().elapsed();
  if (auto gone = over_.find(key); gone != over_.end())
    return checker_.on_ended(gone->second.first, gone->second.second, m.why, when);
  auto* who = find(key);
  if (who == nullptr) return;
  if (who->number) {
    checker_.on_ended(*who->number, who->side, m.why, when);
    over_.emplace(key, std::pair{*who->number, who->side});
  }
  parties_.erase(key);
}

void stream_traffic::finish() {
  finishing_ = true;
  for (auto& [key, who] : parties_) {
    who.armed = who.answers = false;
    if (who.number) write_soon(who);
  }
}

} // namespace glow::simulation
