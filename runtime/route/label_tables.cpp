#include "runtime/route/label_tables.hpp"

#include "runtime/base/mixing.hpp"

#include <algorithm>

namespace glow::route {

std::size_t label_sender::pair_hash::operator()(const node_pair& pair) const {
  return static_cast<std::size_t>(
    mix_words(seed, {read_le<std::uint64_t>(pair.source.data()), read_le<std::uint64_t>(pair.destination.data())}));
}

label_sender::outcome label_sender::on_packet(const node_pair& pair, steady_time now) {
  const auto found = slot_for(pair, now);
  if (!found) return {};
  auto& it = slots_[*found];
  it.since = now;
  outcome out;
  if (it.now == state::bound)
    out.label = static_cast<std::uint16_t>(*found);
  else
    may_bind(*found, now, out);
  return out;
}

void label_sender::may_bind(std::size_t which, steady_time now, outcome& out) {
  auto& it = slots_[which];
  if (it.now == state::counting) {
    if (++it.count < limits::label_after_packets || now - began_at_ < limits::label_rest
        || binding_ >= limits::labels_binding_max)
      return;
    it.now = state::binding;
    it.count = ++binds_;
    it.tries = 0;
    ++binding_;
  } else if (now - it.told_at < limits::label_bind_retry * (1 << it.tries)) {
    return;
  } else if (it.tries < limits::label_bind_doublings_max) {
    ++it.tries;
  }
  it.told_at = now;
  out.bind = label_bind{life_, it.count, static_cast<std::uint16_t>(which), it.pair};
}

std::optional<std::size_t> label_sender::slot_for(const node_pair& pair, steady_time now) {
  if (last_ < slots_.size() && slots_[last_].pair == pair && slots_[last_].now != state::resting
      && slots_[last_].now != state::free)
    return last_;
  if (auto known = slot_of_.find(pair); known != slot_of_.end()) return last_ = known->second;
  std::optional<std::size_t> taken;
  if (slots_.size() < labels_max_) {
    taken = slots_.size();
    slots_.emplace_back();
  }
  for (std::size_t looked = 0; !taken && looked < limits::labels_looked_at_max; ++looked) {
    if (make_free(slots_[hand_], now)) taken = hand_;
    hand_ = (hand_ + 1) % slots_.size();
  }
  if (!taken) return std::nullopt;
  slots_[*taken] = {pair, state::counting, 0, 0, now, {}};
  slot_of_.emplace(pair, *taken);
  return last_ = *taken;
}

/// May another pair have it now? One that was told to the neighbour begins to rest first.
bool label_sender::make_free(slot& which, steady_time now) {
  const auto unused = now - which.since;
  switch (which.now) {
  case state::free: return true;
  case state::resting: return unused >= limits::label_rest;
  case state::counting:
    if (unused < limits::label_count_idle) return false;
    slot_of_.erase(which.pair);
    return true;
  case state::binding:
  case state::bound:
    if (unused >= limits::label_idle) rest(which, now);
    return false;
  }
  return false;
}

void label_sender::rest(slot& which, steady_time now) {
  if (which.now == state::binding) --binding_;
  slot_of_.erase(which.pair);
  which.now = state::resting;
  which.since = now;
}

void label_sender::on_bound(const label_bound& answer) {
  if (answer.life != life_ || answer.label >= slots_.size()) return;
  auto& it = slots_[answer.label];
  if (it.now != state::binding || it.count != answer.number) return;
  it.now = state::bound;
  --binding_;
}

void label_sender::on_unknown(std::uint16_t label, steady_time now) {
  if (label >= slots_.size() || slots_[label].now != state::bound) return; // an old complaint
  for (auto& each : slots_)
    if (each.now == state::bound) rest(each, now);
}

label_bound label_receiver::on_bind(const label_bind& bind) {
  if (life_ != bind.life) {
    life_ = bind.life;
    pairs_.clear();
  }
  if (bind.label >= pairs_.size()) pairs_.resize(bind.label + std::size_t{1});
  pairs_[bind.label] = bind.pair;
  return {bind.life, bind.number, bind.label};
}

const node_pair* label_receiver::pair_of(std::uint16_t label) const {
  return label < pairs_.size() && pairs_[label] ? &*pairs_[label] : nullptr;
}

bool label_receiver::tells_unknown(steady_time now) {
  if (told_at_ && now - *told_at_ < limits::label_unknown_pause) return false;
  told_at_ = now;
  return true;
}

} // namespace glow::route
