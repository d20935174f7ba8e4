/// Every stream delivers exactly the bytes written, in order, or reports. Told by whoever owns both ends what was written, what
/// arrived and what was said; can compute the bytes of every stream, so that no copy of them is kept.
#pragma once

#include "runtime/base/result.hpp"
#include "tests/simulation/checkers.hpp"

#include <array>

namespace glow::simulation {

/// Who of the two: the one that opened the stream, or the one that it was opened to.
enum class stream_side : std::uint8_t { opener = 0, acceptor = 1 };
constexpr stream_side other_side(stream_side side) {
  return side == stream_side::opener ? stream_side::acceptor : stream_side::opener;
}

class stream_checker {
public:
  /// `marker`: stands in every kilobyte of content, for the plaintext checker. Requires: shorter than a kilobyte.
  stream_checker(violation_list& into, byte_string marker) : into_{into}, marker_{std::move(marker)} {}

  struct plan {
    std::size_t from = 0, to = 0;  ///< nodes
    std::uint64_t opener_life = 0; ///< of the opener's endpoint
    bool patient = true;           ///< it is not given up because nobody answers
  };
  /// What `writer` writes from `offset` on. The opener's first bytes are the stream's number, so that the acceptor learns it.
  byte_string content(std::uint64_t number, stream_side writer, std::uint64_t offset, std::size_t bytes) const;
  static constexpr std::size_t number_bytes = 8;

  void on_opened(std::uint64_t number, const plan& what) { streams_[number].what = what; }
  /// The acceptor's owner, at an endpoint of that life, knows of it now.
  void on_incoming(std::uint64_t number, std::size_t at, std::size_t claimed_from, std::uint64_t life, duration when);
  void on_written(std::uint64_t number, stream_side writer, std::size_t bytes, bool end);
  void on_received(std::uint64_t number, stream_side reader, byte_view bytes, bool end, duration when);
  /// The owner on this side gave it up: from now on either side may end with an error.
  void on_closed(std::uint64_t number, stream_side side);
  /// The endpoint's last word to this side. Code none: all was delivered, both ways.
  void on_ended(std::uint64_t number, stream_side side, const error& why, duration when);
  /// An endpoint is gone, and with it its ends of streams.
  void on_life_ended(std::size_t node, std::uint64_t life);
  /// After quiet, when everybody has ended what they write.
  void judge(duration when);

  std::uint64_t opened() const { return streams_.size(); }
  std::uint64_t bytes_received() const { return bytes_received_; }
  /// Ended without an error on both sides.
  std::uint64_t whole() const;
  /// No side waits for anything.
  bool all_over() const;

private:
  struct stream_end {
    std::uint64_t written = 0, received = 0;
    bool wrote_end = false, received_end = false;
    bool over = false; ///< nothing more is told to this side
    bool ended_well = false;
  };
  struct stream {
    plan what;
    std::array<stream_end, 2> ends;
    std::uint64_t acceptor_life = 0; ///< 0: it does not know of the stream
    bool may_fail = false;           ///< an owner gave it up, or an endpoint died
    stream_end& of(stream_side side) { return ends[static_cast<std::size_t>(side)]; }
    const stream_end& of(stream_side side) const { return ends[static_cast<std::size_t>(side)]; }
  };
  bool may_end_so(const stream& it, stream_side side, const error& why) const;

  violation_list& into_;
  byte_string marker_;
  std::map<std::uint64_t, stream> streams_;
  std::uint64_t bytes_received_ = 0;
};

} // namespace glow::simulation
