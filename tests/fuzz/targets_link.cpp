// What links decode before and after encryption: datagrams, byte-stream frames, control frames, handshake payloads, sealed
// packets.
#include "runtime/link/acceptor.hpp"
#include "runtime/link/frames.hpp"
#include "runtime/link/framing.hpp"
#include "runtime/link/join.hpp"
#include "runtime/link/limits.hpp"
#include "runtime/link/payload.hpp"
#include "runtime/link/records.hpp"
#include "runtime/link/serial_framing.hpp"
#include "runtime/link/session.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace link;

byte_string filled(std::size_t size, std::uint64_t seed) {
  byte_string out(size);
  seeded_random{seed}.fill(out);
  return out;
}

// ---- datagrams -------------------------------------------------------------------------------------------------

template <class Message>
void check_datagram_as(byte_view input, result<Message> (*decode)(byte_view)) {
  keeps_meaning(input, decode, [](const Message& m) { return encode(m); });
}

void check_datagram(byte_view input) {
  check_datagram_as<handshake_1>(input, decode_handshake_1);
  check_datagram_as<handshake_2>(input, decode_handshake_2);
  check_datagram_as<handshake_3>(input, decode_handshake_3);
  check_datagram_as<cookie_reply>(input, decode_cookie_reply);
  auto type = type_of(input);
  if (type && *type != datagram_type::handshake_1) (void)receiver_index_of(input);

  seeded_random random{1};
  auto nobody = [](std::uint32_t) { return false; };
  acceptor calm, busy;
  auto opened = calm.judge(input, "udp://10.0.0.1:1", 0, nobody, steady_time{1s}, random);
  require(std::holds_alternative<accept>(opened) == decode_handshake_1(input).ok(), "a link is opened for a message 1 only");
  auto asked = busy.judge(input, "udp://10.0.0.1:1", limits::pending_handshakes_max, nobody, steady_time{1s}, random);
  require(!std::holds_alternative<accept>(asked), "nobody guesses a cookie");
  if (auto* cookie = std::get_if<answer_cookie>(&asked))
    require(cookie->datagram.size() <= input.size(), "a cookie amplifies nothing");
}

std::vector<seed> datagram_seeds() {
  auto noise = filled(120, 1);
  digest ticket = digest::from(filled(32, 2));
  cookie echoed = cookie::from(filled(16, 3));
  byte_string sealed{5, 1, 0, 0, 0, 9, 0, 0, 0};
  append(sealed, filled(40, 4));
  return {{"xx", encode(handshake_1{pattern_code::xx, 7, {}, {}, byte_view{noise}.first(32)})},
          {"ik_cookie", encode(handshake_1{pattern_code::ik, 7, {}, echoed, noise})},
          {"join", encode(handshake_1{pattern_code::xxpsk3, 7, ticket, {}, byte_view{noise}.first(48)})},
          {"message_2", encode(handshake_2{7, 8, noise})},
          {"message_3", encode(handshake_3{8, noise})},
          {"cookie", encode(cookie_reply{7, echoed})},
          {"sealed", sealed}};
}

// ---- frames on byte streams ------------------------------------------------------------------------------------

struct cut_stream {
  std::vector<byte_string> datagrams;
  bool broken = false;
};

cut_stream cut(byte_view stream, std::size_t bytes_max, script* pieces) {
  frame_cutter cutter{bytes_max};
  cut_stream out;
  while (!stream.empty() && !out.broken) {
    auto piece = stream.first(pieces ? std::min<std::size_t>(stream.size(), 1 + pieces->u8() % 32) : stream.size());
    stream = stream.subspan(piece.size());
    out.broken = !cutter.feed(piece, out.datagrams);
    require(cutter.waiting_bytes() <= bytes_max + frame_header_bytes, "at most one datagram waits");
  }
  require(!out.broken || !cutter.feed(byte_string{0, 1, 2}, out.datagrams), "a broken stream stays broken");
  return out;
}

void check_framing(byte_view input) {
  script from{input};
  const std::size_t bytes_max = from.u8() % 2 == 0 ? limits::frame_bytes_max : 100;
  script pieces{from.counted_bytes()};
  auto stream = from.rest();
  auto whole = cut(stream, bytes_max, nullptr);
  auto pieced = cut(stream, bytes_max, &pieces);
  require(whole.broken == pieced.broken && whole.datagrams == pieced.datagrams, "where reads split a stream changes nothing");
  byte_string again;
  for (auto& each : whole.datagrams) {
    require(!each.empty() && each.size() <= bytes_max, "a datagram is within its bounds");
    require(append_frame(again, each).ok(), "what came out of a frame fits one");
  }
  require(again.size() <= stream.size() && std::equal(again.begin(), again.end(), stream.begin()),
          "framed again, the datagrams are the stream's beginning");
}

std::vector<seed> framing_seeds() {
  byte_string stream{0, 3, 1, 40, 2};
  for (auto size : std::array<std::size_t, 3>{1, 80, 300}) (void)append_frame(stream, filled(size, size));
  byte_string small{1, 2, 1, 1};
  for (auto size : std::array<std::size_t, 3>{99, 100, 101}) (void)append_frame(small, filled(size, size));
  return {{"stream", stream}, {"bounded", small}};
}

// ---- frames on serial lines ------------------------------------------------------------------------------------

std::vector<byte_string> hear(serial_receiver& receiver, byte_view line, script* pieces) {
  std::vector<byte_string> out;
  while (!line.empty()) {
    auto piece = line.first(pieces ? std::min<std::size_t>(line.size(), 1 + pieces->u8() % 32) : line.size());
    line = line.subspan(piece.size());
    receiver.feed(piece, out);
    require(receiver.waiting_bytes() <= serial_frame_bytes(limits::serial_datagram_bytes_max) + limits::serial_datagram_bytes_max,
            "at most one frame and one datagram wait");
  }
  return out;
}

void check_serial_framing(byte_view input) {
  script from{input};
  script pieces{from.counted_bytes()};
  auto line = from.rest();
  serial_receiver whole, pieced;
  auto heard = hear(whole, line, nullptr);
  require(heard == hear(pieced, line, &pieces), "where reads split a line changes nothing");
  for (auto& each : heard) require(each.size() <= limits::serial_datagram_bytes_max, "a datagram is within its bounds");
  auto next = filled(200, 5);
  byte_string frames;
  for (auto& each : serial_frames(next, 3, limits::serial_piece_bytes_min)) append(frames, each);
  auto after = hear(whole, frames, nullptr);
  require(!after.empty() && after.back() == next, "whatever came before, the next datagram is heard");
}

std::vector<seed> serial_framing_seeds() {
  std::vector<seed> out;
  for (auto size : std::array<std::size_t, 3>{1, 300, 700}) {
    byte_string line{3, 9, 1, 30};
    for (auto& each : serial_frames(filled(size, size), 1, limits::serial_piece_bytes_min)) append(line, each);
    out.push_back({"bytes_" + std::to_string(size), line});
  }
  return out;
}

// ---- control frames --------------------------------------------------------------------------------------------

void check_link_frames(byte_view input) {
  keeps_meaning(
    input, [](byte_view bytes) { return decode_frame(bytes); }, [](const frame& f) { return encode(f); });
  // the rest of the input as fragments of an admission, in whatever order
  script from{input};
  admission_receiver receiver;
  std::size_t sum = 0;
  while (!from.done()) {
    auto count = from.u16();
    auto index = from.u16();
    auto bytes = from.counted_bytes();
    sum += bytes.size();
    auto whole = receiver.on_fragment({index, count, to_bytes(bytes)});
    if (!whole) return require_readable(whole.why());
    if (*whole) {
      require((*whole)->size() <= sum, "an admission is no longer than its fragments");
      return;
    }
  }
}

std::vector<seed> link_frames_seeds() {
  byte_string fragments;
  for (auto i : std::array<std::uint16_t, 3>{1, 0, 2}) {
    append_le<std::uint16_t>(fragments, 3);
    append_le(fragments, i);
    append_counted(fragments, filled(20, i));
  }
  return {{"ping", encode(frame{ping_frame{5, 123456789, 2000}})},
          {"pong", encode(frame{pong_frame{5, 123456789, 1u << 20}})},
          {"close", encode(frame{close_frame{{error_code::stopped, "goodbye, Grüße"}}})},
          {"confirm", encode(frame{confirm_frame{}})},
          {"admission", encode(frame{admission_frame{1, 4, filled(60, 1)}})},
          {"admission_received", encode(frame{admission_received_frame{1}})},
          {"fragments", fragments}};
}

// ---- what a handshake carries ----------------------------------------------------------------------------------

void check_payload(byte_view input) {
  keeps_meaning(
    input, [](byte_view bytes) { return decode_payload(bytes); }, [](const payload& p) { return encode(p); });
  if (auto read = decode_payload(input)) {
    require(read->listening.size() <= limits::handshake_uris_max, "a peer's places are bounded");
    require(read->node_name.size() <= limits::node_name_bytes_max, "a peer's name is bounded");
    (void)agree_on({}, *read);
  }
  keeps_meaning(
    input, [](byte_view bytes) { return decode_admission(bytes); }, [](const admission_bytes& a) { return encode(a); });
}

std::vector<seed> payload_seeds() {
  payload told;
  told.node = node_id::from(filled(32, 1));
  told.space = namespace_id::from(filled(32, 2));
  told.session_index = 77;
  told.datagram_bytes_max = 1232;
  told.certificate = filled(40, 3);
  told.node_name = "nas";
  told.observed = "udp://192.168.1.5:7400";
  told.listening = {*parse_channel_uri("udp://[::]:7400"), *parse_channel_uri("tcp://10.0.0.1:7400")};
  payload refusal;
  refusal.refusal = error{error_code::not_a_member, "you are no member"};
  return {{"payload", encode(told)},
          {"refusal", encode(refusal)},
          {"admission", encode(admission_bytes{filled(64, 4), told.listening})}};
}

// ---- sealed packets --------------------------------------------------------------------------------------------

/// Two ends, and packets that one sealed: some plain, some a key epoch later, some compact.
struct sealed_world {
  secret_key there{filled(32, 1)}, back{filled(32, 2)};
  session sending{9, there, back, steady_time{}};
  session receiving{8, back, there, steady_time{}};
  std::vector<byte_string> plain, sealed;
  sealed_world() {
    for (std::size_t i = 0; i < 8; ++i) {
      plain.push_back(filled(1 + 20 * i, 10 + i));
      auto packet = plain.back();
      const auto now = steady_time{} + static_cast<int>(i / 3) * limits::session_epoch_life;
      if (i % 2 == 0)
        sending.seal(datagram_type::sealed_packet, packet, now);
      else
        sending.seal_compact(packet, now);
      sealed.push_back(std::move(packet));
    }
  }
};

/// As a link does: by its first byte.
bool opens(session& by, byte_string& datagram) {
  if (type_of(datagram) != datagram_type::compact_packet) return by.open(datagram);
  if (!by.open_compact_in_place(datagram)) return false;
  datagram.erase(datagram.begin());
  return true;
}

void check_sealed(byte_view input) {
  static const sealed_world world;
  script from{input};
  auto receiving = world.receiving;
  auto calm = world.receiving; // hears the true packets only
  std::vector<bool> opened(world.sealed.size());
  while (!from.done()) {
    const auto what = from.u8();
    auto datagram = what < 128 ? edited(from, world.sealed[what % world.sealed.size()]) : to_bytes(from.counted_bytes());
    const auto known = std::find(world.sealed.begin(), world.sealed.end(), datagram);
    const auto which = static_cast<std::size_t>(known - world.sealed.begin());
    const bool is_true = known != world.sealed.end();
    if (auto same = datagram; is_true) (void)opens(calm, same);
    const auto rejected = receiving.rejected();
    if (opens(receiving, datagram)) {
      require(is_true, "nothing opens but what was sealed");
      require(!opened[which], "nothing opens twice");
      require(datagram == world.plain[which], "what opens is what was sealed");
      opened[which] = true;
    } else {
      require(receiving.rejected() == rejected + 1, "what does not open is counted");
    }
  }
  // forgeries left no trace: what is true opens as it does for somebody who never heard one
  for (std::size_t i = world.sealed.size(); i-- > 0;) {
    auto here = world.sealed[i], there = world.sealed[i];
    require(opens(receiving, here) == opens(calm, there), "a forgery does not spoil a true packet");
    require(!opened[i] || here != world.plain[i], "nothing opens twice");
  }
}

std::vector<seed> sealed_seeds() {
  byte_string bit{3, 1, 0, 12, 0, 2};
  byte_string counter{2, 1, 1, 5, 0, 0xff, 4, 1, 1, 7, 0, 1, 1, 0};
  byte_string cut{5, 1, 2, 20, 0, 5, 0};
  byte_string in_order{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0};
  byte_string raw{200};
  append_counted(raw, sealed_world{}.sealed[2]);
  append_counted(raw, sealed_world{}.sealed[3]);
  return {{"bit", bit}, {"counter", counter}, {"cut", cut}, {"in_order", in_order}, {"raw", raw}};
}

// ---- records ---------------------------------------------------------------------------------------------------

constexpr std::size_t record_datagram_bytes = limits::link_datagram_bytes_min; // short pieces: many fit an input

std::vector<byte_string> true_pieces() {
  std::vector<byte_string> out;
  for (std::size_t i = 0; i < 3; ++i) {
    byte_string sealed{static_cast<std::uint8_t>(5 + i % 2), 9, 0, 0, 0, static_cast<std::uint8_t>(i), 0, 0, 0};
    append(sealed, filled(60 + 70 * i, 20 + i));
    const auto run = cut_record(sealed, record_datagram_bytes);
    for (auto& each : datagrams_of(run, record_datagram_bytes)) out.push_back(to_bytes(each));
  }
  return out;
}

/// Whether the record is what these pieces make, each under its header and at its place; the first tells how long they are.
bool is_made_of(const byte_string& whole, const std::vector<byte_string>& given) {
  const auto body = byte_view{whole}.subspan(sealed_header_bytes);
  auto is_piece_at = [&](const byte_string& each, std::size_t index, std::size_t count, byte_view part) {
    return each.size() == piece_header_bytes + part.size() && each[0] == whole[0] + 2 && each[9] == index && each[10] == count
           && std::equal(each.begin() + 1, each.begin() + sealed_header_bytes, whole.begin() + 1)
           && std::equal(part.begin(), part.end(), each.begin() + static_cast<std::ptrdiff_t>(piece_header_bytes));
  };
  return std::any_of(given.begin(), given.end(), [&](const byte_string& first) {
    if (first.size() <= piece_header_bytes || first[9] != 0) return false;
    const auto piece_bytes = first.size() - piece_header_bytes;
    const auto count = (body.size() + piece_bytes - 1) / piece_bytes;
    for (std::size_t i = 0; i < count; ++i) {
      auto part = body.subspan(i * piece_bytes, std::min(piece_bytes, body.size() - i * piece_bytes));
      auto is_it = [&](const byte_string& each) { return is_piece_at(each, i, count, part); };
      if (std::none_of(given.begin(), given.end(), is_it)) return false;
    }
    return true;
  });
}

void check_records(byte_view input) {
  static const auto pieces = true_pieces();
  script from{input};
  record_joiner joiner;
  std::vector<byte_string> given;
  steady_time now{1s};
  while (!from.done()) {
    const auto what = from.u8();
    if (what == 255) now += limits::record_life, joiner.forget_stale(now);
    given.push_back(what < 128   ? pieces[what % pieces.size()]
                    : what < 192 ? edited(from, pieces[what % pieces.size()])
                                 : to_bytes(from.counted_bytes()));
    auto whole = joiner.on_piece(given.back(), now);
    require(joiner.records_under_way() <= limits::records_under_way_max, "few records are under way");
    require(joiner.bytes_held() <= limits::records_under_way_max * (limits::record_body_bytes_max + sealed_header_bytes),
            "records under way take bounded memory");
    if (whole) require(is_made_of(*whole, given), "a record is made of pieces that came");
  }
}

std::vector<seed> record_seeds() {
  byte_string in_order, backwards, repeated;
  for (std::size_t i = 0; i < true_pieces().size(); ++i) {
    in_order.push_back(static_cast<std::uint8_t>(i));
    backwards.insert(backwards.begin(), static_cast<std::uint8_t>(i));
    repeated.insert(repeated.end(), {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i), 255});
  }
  byte_string raw{200};
  append_counted(raw, byte_string{7, 9, 0, 0, 0, 1, 0, 0, 0, 1, 2, 42});
  return {{"in_order", in_order}, {"backwards", backwards}, {"repeated", repeated}, {"raw", raw}};
}

} // namespace

const target datagram_target{"datagram", "link::type_of, decode_handshake_1/2/3, decode_cookie_reply, acceptor", check_datagram,
                             datagram_seeds, 2048};
const target framing_target{"framing", "link::frame_cutter (tcp, unix)", check_framing, framing_seeds, 4096};
const target serial_framing_target{"serial_framing", "link::serial_receiver (tty)", check_serial_framing, serial_framing_seeds,
                                   4096};
const target link_frames_target{"link_frames", "link::decode_frame, admission_receiver", check_link_frames, link_frames_seeds,
                                2048};
const target handshake_payload_target{"handshake_payload", "link::decode_payload, decode_admission", check_payload, payload_seeds,
                                      2048};
const target sealed_packet_target{
  "sealed_packet", "link::session::open, open_compact_in_place", check_sealed, sealed_seeds, 1024, 2};
const target records_target{"records", "link::record_joiner", check_records, record_seeds, 1024};

} // namespace glow::fuzz
