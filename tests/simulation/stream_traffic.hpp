/// Streams that machines open to one another: bytes both ways, half closed, read slowly, given up in the middle, to nodes that
/// are off. Tells the stream checker.
#pragma once

#include "actors/contracts/endpoint.hpp"
#include "tests/simulation/simulated_mesh.hpp"
#include "tests/simulation/stream_checker.hpp"

namespace glow::simulation {

class stream_traffic {
public:
  stream_traffic(simulated_mesh& mesh, std::uint64_t seed, violation_list& violations, byte_string marker)
    : mesh_{mesh}, random_{seed ^ 0x73747265616dULL}, checker_{violations, std::move(marker)} {}
  ~stream_traffic() { *alive_ = false; }
  stream_traffic(const stream_traffic&) = delete;
  stream_traffic& operator=(const stream_traffic&) = delete;

  /// The node's endpoint may be a new one: its program that serves and opens streams starts with it, and ends with it.
  void serve_on(std::size_t node);
  /// A stream from that node to another one, or to itself, of a random manner; each side writes so much at the most. Nothing
  /// when the node has no endpoint.
  void open_stream_from(std::size_t from, std::size_t to, std::size_t bytes_max);
  /// Nobody waits any more before writing the rest, ending, and reading.
  void finish();
  stream_checker& checker() { return checker_; }

private:
  /// One life of an endpoint, and the program beside it.
  struct life {
    std::size_t node = 0;
    std::uint64_t id = 0;
    endpoint_actor endpoint;
    caf::actor program;
    bool ended = false;
  };
  using life_ptr = std::shared_ptr<life>;
  /// One side of one stream.
  struct party {
    life_ptr at;
    stream_id id = 0;
    std::optional<std::uint64_t> number; ///< none: of an incoming one, until its first bytes are here
    stream_side side = stream_side::opener;
    node_id from; ///< of an incoming one
    std::uint64_t written = 0, to_write = 0;
    std::size_t writable = 0;
    byte_string beginning;      ///< received before the number was known
    duration write_pause_max{}; ///< between two pieces
    duration read_pause_max{};  ///< before bytes are consumed
    bool answers = false;       ///< writes after the other side's end
    bool armed = false;         ///< a piece is about to be written
    bool wrote_end = false;
  };
  using party_key = std::pair<std::uint64_t, stream_id>; ///< life, and stream there

  caf::behavior program_behavior(caf::event_based_actor* self, const life_ptr& at);
  party& add_party(const life_ptr& at, stream_id id, stream_side side, std::size_t writable, std::size_t bytes_max);
  void give_up_some_time(const party& who);
  void write_soon(party& who);
  void write_piece(party_key key);
  void consume_soon(const party& who, std::size_t bytes);
  void on_incoming(const life_ptr& at, const incoming_stream& m);
  void on_received(const life_ptr& at, const stream_received& m);
  void on_writable(const life_ptr& at, const stream_writable& m);
  void on_ended(const life_ptr& at, const stream_ended& m);
  void learn_number(party& who);
  party* find(party_key key);
  duration some(duration most) {
    return most <= 0ns ? 0ns : duration{static_cast<std::int64_t>(random_.next_below(static_cast<std::uint64_t>(most.count())))};
  }

  simulated_mesh& mesh_;
  seeded_random random_;
  stream_checker checker_;
  std::map<std::size_t, life_ptr> lives_; ///< by node
  std::map<party_key, party> parties_;
  std::map<party_key, std::pair<std::uint64_t, stream_side>> over_; ///< nothing may be told of these
  std::uint64_t last_number_ = 0;
  std::size_t answer_bytes_max_ = 0;
  bool finishing_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace glow::simulation
