#include "tests/simulation/stream_checker.hpp"

#include "runtime/base/mixing.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace glow::simulation {
namespace {

constexpr std::uint64_t marker_pitch = 1024;

const char* name_of(stream_side side) { return side == stream_side::opener ? "opener" : "acceptor"; }

} // namespace

byte_string stream_checker::content(std::uint64_t number, stream_side writer, std::uint64_t offset, std::size_t bytes) const {
  byte_string out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto at = offset + i;
    const auto word = at < number_bytes ? number : mix_words(number * 2 + static_cast<std::uint64_t>(writer), {at / 8});
    out[i] = static_cast<std::uint8_t>(word >> (at % 8 * 8));
    const auto in_kilobyte = at % marker_pitch;
    if (in_kilobyte >= number_bytes && in_kilobyte < number_bytes + marker_.size()) out[i] = marker_[in_kilobyte - number_bytes];
  }
  return out;
}

void stream_checker::on_incoming(std::uint64_t number, std::size_t at, std::size_t claimed_from, std::uint64_t life,
                                 duration when) {
  auto found = streams_.find(number);
  if (found == streams_.end()) return into_.add(when, fmt::format("stream {} came to node {}, which nobody opened", number, at));
  auto& it = found->second;
  if (it.what.to != at) into_.add(when, fmt::format("stream {} for node {} came to node {}", number, it.what.to, at));
  if (it.what.from != claimed_from)
    into_.add(when, fmt::format("stream {} from node {} came as from node {}", number, it.what.from, claimed_from));
  auto& acceptor = it.of(stream_side::acceptor);
  // an acceptor that died before it said anything is, for the opener, as if it had never been
  const bool anew =
    it.acceptor_life != 0 && it.acceptor_life != life && acceptor.over && it.of(stream_side::opener).received == 0;
  if (it.acceptor_life != 0 && !anew) return into_.add(when, fmt::format("stream {} was told to node {} twice", number, at));
  it.acceptor_life = life;
  acceptor = {};
}

void stream_checker::on_written(std::uint64_t number, stream_side writer, std::size_t bytes, bool end) {
  auto& side = streams_[number].of(writer);
  side.written += bytes;
  side.wrote_end = side.wrote_end || end;
}

void stream_checker::on_received(std::uint64_t number, stream_side reader, byte_view bytes, bool end, duration when) {
  auto& it = streams_[number];
  auto& side = it.of(reader);
  const auto writer = other_side(reader);
  const auto& from = it.of(writer);
  auto wrong = [&](const std::string& what) {
    into_.add(when, fmt::format("stream {}: the {} {}, at byte {}", number, name_of(reader), what, side.received));
  };
  if (side.over) wrong("was told something after the stream was over");
  if (side.received_end) wrong("was told something after the end");
  bytes_received_ += bytes.size();
  if (side.received + bytes.size() > from.written) wrong("received more than was written");
  const auto expected = content(number, writer, side.received, bytes.size());
  if (!std::equal(bytes.begin(), bytes.end(), expected.begin())) wrong("received other bytes than were written");
  side.received += bytes.size();
  if (end && (!from.wrote_end || side.received != from.written))
    wrong(fmt::format("was told the end before byte {} of what was written", from.written));
  side.received_end = side.received_end || end;
}

void stream_checker::on_closed(std::uint64_t number, stream_side side) {
  auto& it = streams_[number];
  it.may_fail = true;
  it.of(side).over = true;
}

bool stream_checker::may_end_so(const stream& it, stream_side side, const error& why) const {
  if (it.may_fail) return true;
  if (side == stream_side::acceptor || it.of(side).received > 0) return false;
  // a service that is not there yet; or its opener's patience, while nothing came back
  return (why.code == error_code::not_found && it.acceptor_life == 0) || (why.code == error_code::timed_out && !it.what.patient);
}

void stream_checker::on_ended(std::uint64_t number, stream_side side, const error& why, duration when) {
  auto& it = streams_[number];
  auto& own = it.of(side);
  if (own.over) return into_.add(when, fmt::format("stream {}: the {} was told twice that it is over", number, name_of(side)));
  own.over = true;
  own.ended_well = why.code == error_code::none;
  if (own.ended_well) {
    if (!own.wrote_end || !own.received_end)
      into_.add(when, fmt::format("stream {} is over for its {} before both directions ended", number, name_of(side)));
    return;
  }
  if (!may_end_so(it, side, why))
    into_.add(when, fmt::format("stream {} from node {} to node {}, whose endpoints live, failed for its {}: {}", number,
                                it.what.from, it.what.to, name_of(side), why.message));
  it.may_fail = true; // the other side hears of it, or gives up, too
}

void stream_checker::on_life_ended(std::size_t node, std::uint64_t life) {
  for (auto& [number, it] : streams_) {
    if (it.what.from == node && it.what.opener_life == life) it.may_fail = it.of(stream_side::opener).over = true;
    if (it.what.to != node) continue;
    if (it.acceptor_life == life) it.of(stream_side::acceptor).over = true;
    if (it.acceptor_life == life || it.acceptor_life == 0) it.may_fail = true;
  }
}

void stream_checker::judge(duration when) {
  for (auto& [number, it] : streams_) {
    for (auto side : {stream_side::opener, stream_side::acceptor}) {
      const bool knows = side == stream_side::opener || it.acceptor_life != 0;
      if (knows && !it.of(side).over)
        into_.add(when, fmt::format("stream {} from node {} to node {} is neither over nor delivered after quiet, for its {}",
                                    number, it.what.from, it.what.to, name_of(side)));
      const auto& there = it.of(other_side(side));
      // what was acknowledged to this side has arrived over there, unless that endpoint died
      if (it.of(side).ended_well && !it.may_fail && there.received != it.of(side).written)
        into_.add(when, fmt::format("stream {}: of the {} bytes that its {} was told are delivered {} arrived", number,
                                    it.of(side).written, name_of(side), there.received));
    }
  }
}

std::uint64_t stream_checker::whole() const {
  return static_cast<std::uint64_t>(std::count_if(streams_.begin(), streams_.end(), [](auto& each) {
    return each.second.ends[0].ended_well && each.second.ends[1].ended_well;
  }));
}

bool stream_checker::all_over() const {
  return std::all_of(streams_.begin(), streams_.end(), [](auto& each) {
    auto& it = each.second;
    return it.of(stream_side::opener).over && (it.acceptor_life == 0 || it.of(stream_side::acceptor).over);
  });
}

} // namespace glow::simulation
