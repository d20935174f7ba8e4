/// Several nodes' mail on a network and on disks that do as the test, or chance, says: requests and answers are lost, repeated
/// and overtake each other, nodes crash between any two steps and come back with what their disks had.
#pragma once

#include "runtime/base/overloaded.hpp"
#include "runtime/mail/limits.hpp"
#include "runtime/mail/mail_machine.hpp"

#include <deque>

namespace glow::mail::testing {

class mail_network {
public:
  explicit mail_network(std::size_t nodes, std::uint64_t seed = 1) : random_{seed} {
    auto made = std::make_shared<identity::roster>();
    for (std::size_t i = 0; i < nodes; ++i) {
      nodes_.emplace_back();
      nodes_.back().keys = std::make_shared<identity::node_keys>(identity::node_keys::generate(random_));
      made->members.push_back({nodes_.back().keys->id(), "n" + std::to_string(i), identity::role::member, {}});
    }
    std::sort(made->members.begin(), made->members.end(), [](auto& a, auto& b) { return a.id < b.id; });
    roster_ = made;
    for (std::size_t i = 0; i < nodes; ++i) start(i);
  }

  struct node {
    std::shared_ptr<identity::node_keys> keys;
    std::map<byte_string, byte_string> disk;
    std::unique_ptr<mail_machine> machine; ///< null: it is off
    std::uint64_t life = 0;
    std::deque<write_records> writes; ///< not on the disk yet
    bool disk_full = false;
    std::vector<letter_id> acknowledged;
    std::vector<error> refused;
    std::vector<std::string> fetched; ///< bodies that are gone from the boxes since somebody took them
    std::map<std::uint64_t, std::string> leased;
    std::size_t deliveries = 0; ///< letters it was handed as their recipient, known ones included
  };
  node& at(std::size_t i) { return nodes_[i]; }
  mail_machine& mail(std::size_t i) { return *nodes_[i].machine; }
  std::size_t size() const { return nodes_.size(); }
  node_id id(std::size_t i) const { return nodes_[i].keys->id(); }
  moment now() const { return {time_, from_unix_ms(1'760'000'000'000 + time_.time_since_epoch() / 1ms)}; }
  random_source& random() { return random_; }

  // ---- what happens to nodes
  void start(std::size_t i) {
    auto& it = nodes_[i];
    if (it.machine) return;
    ++it.life;
    it.machine = std::make_unique<mail_machine>(it.keys, random_);
    for (auto& [key, value] : it.disk)
      if (as_text(key).starts_with("mail/m/")) it.machine->restore(*decode_record(key, value));
    auto mine = std::make_shared<identity::roster>(*roster_);
    mine->self = id(i);
    perform(i, it.machine->on_roster(mine, now()));
    tell_reach();
  }
  /// Of what was being written, the first `kept` batches have reached the disk.
  void crash(std::size_t i, std::size_t kept = 0) {
    auto& it = nodes_[i];
    if (!it.machine) return;
    for (std::size_t k = 0; k < std::min(kept, it.writes.size()); ++k) apply(it, it.writes[k]);
    it.writes.clear();
    it.leased.clear();
    it.machine = nullptr;
    for (auto each = serving_.begin(); each != serving_.end();) { // whoever waits for its answer waits in vain
      auto next = std::next(each);
      if (each->second.from == i) {
        auto back = serving_.extract(each);
        back.mapped().body = error{error_code::timed_out, "no answer"};
        letters_.push_back(std::move(back.mapped()));
      }
      each = next;
    }
    tell_reach();
  }
  /// Whether two nodes that are on hear each other.
  void connect(std::size_t a, std::size_t b, bool on = true) {
    if (on)
      cut_.erase({std::min(a, b), std::max(a, b)});
    else
      cut_.insert({std::min(a, b), std::max(a, b)});
    tell_reach();
  }
  bool connected(std::size_t a, std::size_t b) const {
    return nodes_[a].machine && nodes_[b].machine && (a == b || !cut_.contains({std::min(a, b), std::max(a, b)}));
  }

  // ---- what people do
  void send(std::size_t from, std::size_t to, const std::string& box, const std::string& body, duration life = 24h) {
    if (nodes_[from].machine) perform(from, mail(from).send(1, id(to), box, to_bytes(body), life, now()));
  }
  /// Takes the oldest message of the box into somebody's hands.
  std::optional<std::string> take(std::size_t i, const std::string& box) {
    auto& it = nodes_[i];
    if (!it.machine) return std::nullopt;
    auto lease = ++last_lease_;
    auto taken = it.machine->take(box, lease, time_);
    if (!taken) return std::nullopt;
    return it.leased[lease] = to_text(it.disk.at(body_key(taken->arrival)));
  }
  /// Whoever holds messages there keeps them, or puts them back.
  void end_takes(std::size_t i, bool remove) {
    auto& it = nodes_[i];
    if (!it.machine) return;
    for (auto& [lease, body] : std::map{it.leased}) {
      perform(i, it.machine->end_take(lease, remove));
      if (!remove) it.leased.erase(lease);
    }
  }
  std::vector<std::string> fetch_all(std::size_t i, const std::string& box) {
    std::vector<std::string> out;
    while (auto body = take(i, box)) {
      out.push_back(*body);
      end_takes(i, true);
      settle();
    }
    return out;
  }

  // ---- steps
  bool idle() const {
    return letters_.empty() && std::all_of(nodes_.begin(), nodes_.end(), [](auto& each) { return each.writes.empty(); });
  }
  /// The first batch that waits is written.
  void write_one(std::size_t i) {
    auto& it = nodes_[i];
    if (it.writes.empty()) return;
    auto batch = std::move(it.writes.front());
    it.writes.pop_front();
    if (!it.disk_full) apply(it, batch);
    auto done = it.disk_full ? result<void>{error_code::exhausted, "the disk is full"} : result<void>{};
    perform(i, it.machine->on_written(batch.ticket, done, now()));
  }
  std::size_t under_way() const { return letters_.size(); }
  /// One message arrives, whichever; a request to somebody out of reach fails.
  void deliver(std::size_t which, bool lose = false, bool repeat = false) {
    auto it = letters_.begin() + static_cast<std::ptrdiff_t>(which % letters_.size());
    auto what = *it;
    if (!repeat) letters_.erase(it);
    arrive(std::move(what), lose);
  }
  void settle() {
    for (int i = 0; !idle() && i < 100'000; ++i) {
      for (std::size_t k = 0; k < nodes_.size(); ++k)
        if (nodes_[k].machine) write_one(k);
      if (!letters_.empty()) deliver(0);
    }
  }
  void pass(duration time, bool settling = true) {
    for (auto end = time_ + time; time_ < end;) {
      if (settling) settle();
      time_ = std::min(end, time_ + 500ms);
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        auto& it = nodes_[i];
        if (it.machine && it.machine->wake_at() && *it.machine->wake_at() <= time_) perform(i, it.machine->on_tick(now()));
      }
    }
    if (settling) settle();
  }
  const letter_status status(std::size_t i, std::size_t which = 0) {
    return *mail(i).letters().status(nodes_[i].acknowledged.at(which));
  }

  std::function<void(byte_view)> on_letter_handed_over; ///< what custodians see

private:
  struct travelling {
    bool is_answer = false;
    std::size_t from = 0, to = 0;
    std::uint64_t asker_life = 0;
    std::uint64_t ticket = 0;
    question what = question::deliver;
    result<byte_string> body;
  };

  static void apply(node& it, const write_records& batch) {
    for (auto& [key, value] : batch.put) it.disk[key] = value;
    for (auto& key : batch.remove) {
      auto gone = it.disk.extract(key);
      if (gone && as_text(key).starts_with("mail/b/")) it.fetched.push_back(to_text(gone.mapped()));
    }
  }

  void perform(std::size_t i, effects&& todo) {
    auto& it = nodes_[i];
    for (auto& each : todo)
      std::visit(overloaded{
                   [&](write_records& e) { it.writes.push_back(std::move(e)); },
                   [&](ask_node& e) {
                     if (e.letter) {
                       auto found = it.disk.find(letter_key(*e.letter));
                       if (found != it.disk.end()) e.body = found->second;
                     }
                     letters_.push_back({false, i, number_of(e.to), it.life, e.ticket, e.what, std::move(e.body)});
                   },
                   [&](answer_request& e) {
                     auto asked = serving_.extract(e.token);
                     if (!asked) return;
                     asked.mapped().body = std::move(e.answer);
                     letters_.push_back(std::move(asked.mapped()));
                   },
                   [&](send_answered& e) {
                     if (e.letter)
                       it.acknowledged.push_back(*e.letter);
                     else
                       it.refused.push_back(e.letter.why());
                   },
                   [&](removal_answered& e) { it.leased.erase(e.lease); },
                 },
                 each);
  }

  void arrive(travelling what, bool lose) {
    auto& to = nodes_[what.to];
    if (what.is_answer) {
      if (!to.machine || to.life != what.asker_life) return;
      auto answer = lose || !connected(what.from, what.to) ? result<byte_string>{error_code::timed_out, "no answer"} : what.body;
      return perform(what.to, to.machine->on_answer(what.ticket, answer, now()));
    }
    travelling back{true, what.to, what.from, what.asker_life, what.ticket, what.what, byte_string{}};
    if (lose || !connected(what.from, what.to)) {
      back.body = error{lose ? error_code::timed_out : error_code::unreachable, "not there"};
      back.from = back.to; // its own endpoint says so
      letters_.push_back(std::move(back));
      return;
    }
    if (what.what == question::deliver) ++to.deliveries;
    if (what.what == question::hold && on_letter_handed_over) on_letter_handed_over(*what.body);
    auto token = ++last_token_;
    serving_.emplace(token, std::move(back));
    perform(what.to, to.machine->on_request(token, id(what.from), what.what, *what.body, now()));
  }

  std::size_t number_of(const node_id& whom) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (id(i) == whom) return i;
    return nodes_.size();
  }
  void tell_reach() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].machine) continue;
      std::vector<reachable_node> others;
      for (std::size_t k = 0; k < nodes_.size(); ++k)
        if (k != i && connected(i, k)) others.push_back({id(k), true, true});
      perform(i, mail(i).on_reachable(others, now()));
    }
  }

  seeded_random random_;
  steady_time time_{1000s};
  identity::roster_ptr roster_;
  std::deque<node> nodes_;
  std::set<std::pair<std::size_t, std::size_t>> cut_;
  std::deque<travelling> letters_;
  std::map<std::uint64_t, travelling> serving_;
  std::uint64_t last_token_ = 0;
  std::uint64_t last_lease_ = 0;
};

} // namespace glow::mail::testing
