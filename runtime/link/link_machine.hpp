/// The whole life of one link, sans-io: handshake with retransmission, membership check, admission by ticket, sealed
/// packets both ways, liveness, estimates, roaming, goodbye.
///
///   idle ─start─► handshaking ─► (admitting) ─► up ◄─► silent ─► gone
///                      └──────── refused (lingers a moment, so that a lost refusal is repeated) ──► gone
///
/// Call order: construct; start() once; then any input until a give_up effect came; afterwards every input is ignored.
/// A responder gets message 1 through on_datagrams() after start().
/// Every input returns effects, to be performed in order before the next input.
///
/// The same machine serves as an end-to-end session between nodes that are no neighbours: `liveness = false`,
/// `idle_close` set, datagrams carried as overlay payloads, `channel` any constant.
///
/// Refuses to know transports, routes and actors, to read a clock, and to judge who is a member: `check_member` does.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/identity/keys.hpp"
#include "runtime/link/effects.hpp"
#include "runtime/link/estimates.hpp"
#include "runtime/link/expectation.hpp"
#include "runtime/link/frames.hpp"
#include "runtime/link/handshake.hpp"
#include "runtime/link/join.hpp"
#include "runtime/link/link_policy.hpp"
#include "runtime/link/liveness.hpp"
#include "runtime/link/path_mtu.hpp"
#include "runtime/link/record_plan.hpp"
#include "runtime/link/records.hpp"
#include "runtime/link/sealing.hpp"
#include "runtime/link/session.hpp"

#include <optional>

namespace glow::link {

struct link_config : handshake_terms {
  role as = role::initiator;
  channel_key channel = 0;
  bool reliable = false;                ///< the channel neither loses nor reorders: nothing is sent twice
  bool on_link = false;                 ///< the remote end is on a directly attached network
  std::string declared_class;           ///< "control" or "drop" when the transport or its URI says so; empty: measured
  std::string declared_why;             ///< "9600 baud"; may be empty
  bulk_wish bulk = bulk_wish::by_class; ///< of this side's owner
  double rate_bps = 0;                  ///< of the channel, where its transport knows it without measuring
  bool liveness = true;                 ///< probe silence, beat when idle; false for end-to-end sessions
  bool keeps_headroom = false;          ///< send_datagrams may have headroom, what packets had beside what the seal took
  duration idle_close{};                ///< say goodbye after that long without packets; zero: never
};

/// What one link did and measured.
struct link_figures {
  std::string state;                ///< "handshaking", "up", "silent", "gone"
  std::string link_class;           ///< "local", "wan", "control", "drop"
  std::string why;                  ///< why that class
  std::size_t packet_bytes_max = 0; ///< longest packet on_packets_to_send() takes
  std::size_t datagram_bytes = 0;   ///< longest datagram that the path was found to carry
  duration rtt{};                   ///< smoothed; zero while unmeasured
  duration rtt_min{};
  double loss = 0;
  double rate_bps = 0;
  carried_load load;                    ///< of late
  bulk_wish bulk = bulk_wish::by_class; ///< of both sides
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  steady_time up_since{};
};

class link_machine {
public:
  explicit link_machine(link_config config);

  effects start(steady_time now, random_source& random);
  /// Datagrams from the machine's own channel, or (roamed) from another one that carries its session index.
  effects on_datagrams(packet_batch datagrams, steady_time now, random_source& random) {
    return on_datagrams_from(config_.channel, std::move(datagrams), now, random);
  }
  /// With `run_bytes`, each may be a run of datagrams of that length (datagrams_of() cuts it), and none has headroom.
  effects on_datagrams_from(channel_key channel, packet_batch datagrams, steady_time now, random_source& random,
                            std::size_t run_bytes = 0);
  /// Overlay packets, sealed one datagram each. Longer ones than figures().packet_bytes_max are dropped.
  /// A peer that does not know sealed heads, or labels, gets them sealed as a whole. `shared`: they are this link's share of what
  /// several links carry to the peer, so that its load is to be measured often; none at all: the link would have a share, were
  /// its packets as long as the others', so that records are worth trying.
  effects on_packets_to_send(packet_batch packets, steady_time now, expectation expects = expectation::traffic,
                             sealing seal = sealing::whole, bool shared = false);
  effects on_tick(steady_time now, random_source& random);
  /// Answers ask_ticket_secret: 32 bytes, or the reason that the stranger is to read.
  effects on_ticket_secret(result<byte_string> secret, steady_time now, random_source& random);
  /// Answers ask_admission: opaque bytes for the new member, or the reason that it is to read.
  effects on_admission(result<byte_string> admission, steady_time now, random_source& random);
  /// Goodbye: tells the peer and ends. `why.code == none` for an orderly end.
  effects on_close(error why, steady_time now);
  /// The network says that a datagram was too long, and which length fits; 0: it does not say. `certain`: this machine's own
  /// stack says so, not somebody on the way.
  effects on_too_long(std::size_t datagram_bytes_that_fit, bool certain, steady_time now);
  /// The transport lost the channel.
  effects on_channel_lost(error why);

  bool is_up() const { return phase_ == phase::up; }
  bool is_gone() const { return phase_ == phase::gone; }
  bool is_joining() const { return config_.join_with.has_value(); }
  channel_key channel() const { return config_.channel; }
  /// Who the peer is, once it has proven its key.
  const std::optional<peer_facts>& peer() const { return peer_; }
  link_figures figures(steady_time now) const;
  const link_counters& counters() const { return counters_; }
  const estimates& measured() const { return estimates_; }
  /// When on_tick() has something to do next; never sooner than every 10 s or so while the link is idle.
  steady_time next_tick() const;

private:
  enum class phase { idle, handshaking, admitting, up, refused, gone };
  /// One handshake that may still succeed; a responder has several only while somebody replays old message 1s.
  struct attempt {
    handshake talk;
    steady_time since;
    std::optional<session> unproven; ///< keyed, but nothing was heard under these keys yet
  };
  using attempt_list = std::vector<attempt>;

  // link_machine.cpp, link_sending.cpp: inputs, packets, timers
  void emit(effects& out, effect what);
  void flush(effects& out);
  effects finish(effects out);
  void send(effects& out, byte_string datagram);
  void send_frame(effects& out, const frame& what, steady_time now);
  ping_frame ping_numbered(std::uint32_t number, steady_time now) const;
  std::uint32_t send_ping(effects& out, steady_time now); ///< returns its number
  void send_sealed(effects& out, byte_string sealed, std::size_t headroom);
  void send_record_probe(effects& out, steady_time now);
  void add_run(effects& out, byte_string run, std::size_t run_bytes);
  void add_datagram(effects& out, byte_string datagram, std::size_t headroom);
  void end(effects& out, error why);
  /// A datagram, or a packet, behind headroom.
  struct roomy {
    byte_string bytes;
    std::size_t headroom = 0;
    byte_view content() const { return byte_view{bytes}.subspan(headroom); }
  };
  void on_datagram(effects& out, channel_key channel, roomy datagram, steady_time now, random_source& random);
  void on_run(effects& out, channel_key channel, byte_view run, std::size_t run_bytes, steady_time now, random_source& random);
  void count_rejected(bool replayed) { ++(replayed ? counters_.rejected_replayed : counters_.rejected_forged); }
  void on_sealed(effects& out, channel_key channel, roomy datagram, datagram_type type, steady_time now);
  void on_piece(effects& out, channel_key channel, byte_view piece, steady_time now);
  void on_compact(effects& out, channel_key channel, roomy datagram, steady_time now);
  /// A later room's form, or one for other channels: did this side say that it takes it?
  bool takes(datagram_type type) const;
  bool agreed_on(std::uint64_t feature) const { return peer_ && (peer_->features & feature) != 0; }
  /// How a packet of that length is sealed; nothing: compactly.
  std::optional<datagram_type> form_of(std::size_t packet_bytes, sealing seal) const;
  void on_pong(effects& out, const pong_frame& pong, steady_time now);
  // link_path.cpp: how long datagrams may be
  void enable_path_lengths();
  void probe_path(effects& out, steady_time now);
  void send_path_probe(effects& out, std::uint32_t number, steady_time now);
  void on_path_probe_answered(effects& out, std::uint32_t number, steady_time now);
  void act_on(effects& out, const path_mtu::verdict& verdict, steady_time now);
  void fit_records();
  /// Of the pieces that records are cut into.
  std::size_t piece_bytes() const {
    return (peer_->features & feature_piece_lengths) != 0 ? mtu_.datagram_bytes() : peer_->datagram_bytes_max;
  }
  bool open_under_unproven(effects& out, roomy& datagram, datagram_type type, steady_time now);
  void on_opened(effects& out, channel_key channel, roomy plain, datagram_type type, steady_time now);
  void on_frame(effects& out, byte_view bytes, steady_time now);
  void on_closed_by_peer(effects& out, const error& why);
  void tick_up(effects& out, steady_time now);
  void tick_before_up(effects& out, steady_time now);

  // link_handshaking.cpp: until up
  void on_handshake_1(effects& out, byte_view datagram, steady_time now, random_source& random);
  void on_handshake_2(effects& out, byte_view datagram, steady_time now, random_source& random);
  void on_handshake_3(effects& out, byte_view datagram, steady_time now);
  void on_cookie(effects& out, byte_view datagram);
  void after(effects& out, std::size_t which, handshake::outcome outcome, steady_time now);
  void refuse(effects& out, error why, byte_string last_word, steady_time now);
  void repeat_refusal(effects& out);
  void start_admitting(effects& out, attempt proven, steady_time now);
  /// On a link that is declared slow the answer is not lost because it is not there yet.
  duration first_retry_pause() const {
    return config_.declared_class.empty() ? limits::handshake_retry_first : limits::handshake_retry_first_slow;
  }
  void become_up(effects& out, attempt proven, steady_time now);
  void hear_policy();
  void on_admission_part(effects& out, admission_frame part, steady_time now);
  void send_admission_parts(effects& out, steady_time now);
  bool keeps_own_attempt(const handshake_1& message, steady_time now) const;
  std::string whom() const;
  std::size_t one_datagram() const { return mtu_.datagram_bytes() - sealed_overhead_bytes; }

  link_config config_;
  phase phase_ = phase::idle;
  std::optional<peer_facts> peer_;
  attempt_list attempts_;
  std::optional<session> session_;
  role session_role_ = role::initiator;
  estimates estimates_;
  std::optional<liveness> liveness_;
  path_mtu mtu_; ///< from up on
  record_plan records_;
  std::optional<record_joiner> joiner_; ///< when both sides know records
  bool was_silent_ = false;
  link_counters counters_;

  steady_time deadline_{}; ///< of handshake, admission or refusal
  steady_time retry_at_{}; ///< next repetition of the last handshake message
  duration retry_pause_{};
  int cookies_echoed_ = 0;
  std::optional<error> broken_message_1_; ///< told at the deadline if nothing better came
  digest proven_message_3_;               ///< hash of the message 3 that keyed us: its repetition gets another confirmation
  error refusal_;
  byte_string refusal_datagram_;
  std::size_t refusals_sent_ = 0;
  std::optional<digest> admitting_ticket_;
  std::optional<admission_sender> admission_out_;
  admission_receiver admission_in_;

  std::vector<byte_string> delivered_; ///< opened within the present input, all behind the same headroom
  std::size_t delivered_headroom_ = 0;
  std::vector<byte_string> outgoing_; ///< to be sent by the present input, likewise
  std::size_t outgoing_headroom_ = 0;
  std::size_t outgoing_run_bytes_ = 0; ///< some of them are runs of such datagrams, and none is a longer datagram
  std::size_t outgoing_longest_ = 0;   ///< of those that are no runs
  std::vector<byte_string> before_up_; ///< packets that wait for the handshake
  steady_time up_since_{};
  steady_time last_packet_at_{};
  steady_time armed_ = steady_time::max(); ///< the earliest wake_at that is still to come
};

} // namespace glow::link
