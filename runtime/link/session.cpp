#include "runtime/link/session.hpp"

#include "runtime/link/limits.hpp"

#include <sodium.h>

namespace glow::link {
namespace {

constexpr std::uint64_t epoch_packets = std::uint64_t{1} << epoch_bits;
constexpr unsigned compact_counter_bits = 7;
constexpr std::uint64_t compact_span = std::uint64_t{1} << compact_counter_bits;

packet_nonce nonce_of(std::uint64_t counter) {
  packet_nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

void put_le32(std::uint8_t* at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

/// Makes room for header and tag around the bytes, with one copy at most. Returns where the header begins.
std::size_t make_room(byte_string& packet, std::size_t headroom, std::size_t header_bytes, std::size_t tag_bytes) {
  const auto overhead_bytes = header_bytes + tag_bytes;
  if (headroom >= header_bytes) {
    packet.resize(packet.size() + tag_bytes);
    return headroom - header_bytes;
  }
  packet.erase(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(headroom));
  auto plain_bytes = packet.size();
  if (packet.capacity() >= plain_bytes + overhead_bytes) {
    packet.resize(plain_bytes + overhead_bytes);
    std::memmove(packet.data() + header_bytes, packet.data(), plain_bytes);
    return 0;
  }
  byte_string roomy;
  roomy.reserve(plain_bytes + overhead_bytes);
  roomy.resize(header_bytes);
  append(roomy, packet);
  roomy.resize(plain_bytes + overhead_bytes);
  packet = std::move(roomy);
  return 0;
}

/// How much of a body is encrypted, and authentic.
std::size_t sealed_bytes_of(std::uint8_t type, std::size_t body_bytes) {
  if (type == static_cast<std::uint8_t>(datagram_type::sealed_head)) return std::min(body_bytes, sealed_head_bytes);
  if (type == static_cast<std::uint8_t>(datagram_type::sealed_label)) return std::min(body_bytes, sealed_label_bytes);
  return body_bytes;
}

} // namespace

secret_key key_ratchet::next_of(const secret_key& key) {
  static constexpr std::string_view label = "glow link ratchet";
  secret_key out;
  crypto_generichash_blake2b(out.data(), out.size(), as_bytes(label).data(), label.size(), key.data(), key.size());
  return out;
}

std::optional<secret_key> key_ratchet::key_of(std::uint64_t epoch) const {
  if (epoch == epoch_) return current_;
  if (epoch < epoch_) return epoch + 1 == epoch_ ? previous_ : std::nullopt;
  if (epoch - epoch_ > limits::session_epochs_ahead_max) return std::nullopt;
  auto key = current_;
  for (auto at = epoch_; at < epoch; ++at) key = next_of(key);
  return key;
}

void key_ratchet::advance_to(std::uint64_t epoch) {
  while (epoch_ < epoch) {
    previous_ = current_;
    current_ = next_of(current_);
    ++epoch_;
  }
}

std::uint64_t session::next_counter(steady_time now) {
  if (now - epoch_since_ >= limits::session_epoch_life && send_counter_ % epoch_packets != 0)
    send_counter_ = (send_counter_ / epoch_packets + 1) * epoch_packets;
  auto counter = send_counter_++;
  if (counter / epoch_packets != sending_.epoch()) {
    sending_.advance_to(counter / epoch_packets);
    epoch_since_ = now;
  }
  return counter;
}

std::size_t session::seal(datagram_type type, byte_string& packet, steady_time now, std::size_t headroom) {
  const auto counter = next_counter(now);
  const auto body_bytes = packet.size() - headroom;
  const auto begin = make_room(packet, headroom, sealed_header_bytes, sealed_tag_bytes);
  auto* header = packet.data() + begin;
  header[0] = static_cast<std::uint8_t>(type);
  put_le32(header + 1, peer_index_);
  put_le32(header + 5, static_cast<std::uint32_t>(counter));
  auto* body = header + sealed_header_bytes;
  seals_.seal({body, sealed_bytes_of(header[0], body_bytes), body + body_bytes}, {header, sealed_header_bytes}, nonce_of(counter),
              sending_.epoch(), sending_.current());
  return begin;
}

std::size_t session::seal_compact(byte_string& packet, steady_time now, std::size_t headroom) {
  const auto counter = next_counter(now);
  const auto body_bytes = packet.size() - headroom;
  const auto begin = make_room(packet, headroom, compact_header_bytes, compact_tag_bytes);
  auto* header = packet.data() + begin;
  header[0] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(datagram_type::compact_packet) | counter % compact_span);
  auto* body = header + compact_header_bytes;
  compact_seal({body, body_bytes, body + body_bytes}, header[0], counter, sending_.current());
  return begin;
}

std::uint64_t session::nearest_counter(std::uint64_t low, unsigned bits) const {
  const auto span = std::uint64_t{1} << bits;
  auto expected = window_.next();
  auto nearest = (expected & ~(span - 1)) | low;
  if (nearest + span / 2 < expected) return nearest + span;
  if (nearest > expected + span / 2 && nearest >= span) return nearest - span;
  return nearest;
}

bool session::decrypt(byte_string& datagram, std::size_t headroom, std::uint64_t counter, const secret_key& key) {
  auto* header = datagram.data() + headroom;
  auto* body = header + sealed_header_bytes;
  const auto body_bytes = datagram.size() - headroom - sealed_overhead_bytes;
  return opens_.open({body, sealed_bytes_of(header[0], body_bytes), body + body_bytes}, {header, sealed_header_bytes},
                     nonce_of(counter), counter / epoch_packets, key);
}

bool session::open(byte_string& datagram) {
  if (!open_in_place(datagram)) return false;
  datagram.erase(datagram.begin(), datagram.begin() + sealed_header_bytes);
  return true;
}

bool session::open_in_place(byte_string& datagram, std::size_t headroom) {
  last_was_replay_ = false;
  if (datagram.size() < headroom + sealed_overhead_bytes) return ++rejected_, false;
  auto counter = nearest_counter(read_le<std::uint32_t>(datagram.data() + headroom + 5), 32);
  auto epoch = counter / epoch_packets;
  if (!window_.would_accept(counter)) return last_was_replay_ = true, ++rejected_, false;
  bool authentic = false;
  if (epoch == receiving_.epoch()) {
    authentic = decrypt(datagram, headroom, counter, receiving_.current());
  } else if (auto key = receiving_.key_of(epoch)) {
    authentic = decrypt(datagram, headroom, counter, *key);
  }
  if (!authentic) return ++rejected_, false;
  accept(counter);
  datagram.resize(datagram.size() - sealed_tag_bytes);
  return true;
}

void session::accept(std::uint64_t counter) {
  receiving_.advance_to(counter / epoch_packets);
  last_was_newest_ = counter >= window_.next();
  window_.accept(counter);
}

bool session::opens_compact(byte_string& datagram, std::size_t headroom, std::uint64_t counter) {
  auto key = window_.would_accept(counter) ? receiving_.key_of(counter / epoch_packets) : std::nullopt;
  auto* header = datagram.data() + headroom;
  auto* body = header + compact_header_bytes;
  const auto body_bytes = datagram.size() - headroom - compact_overhead_bytes;
  return key && compact_open({body, body_bytes, body + body_bytes}, header[0], counter, *key);
}

bool session::open_compact_in_place(byte_string& datagram, std::size_t headroom) {
  last_was_replay_ = false;
  if (datagram.size() < headroom + compact_overhead_bytes) return ++rejected_, false;
  const std::uint64_t low = datagram[headroom] % compact_span;
  const auto nearest = nearest_counter(low, compact_counter_bits);
  std::optional<std::uint64_t> found;
  for (std::uint64_t ahead = 0; !found && ahead <= limits::compact_counters_ahead_max; ++ahead)
    if (opens_compact(datagram, headroom, nearest + ahead * compact_span)) found = nearest + ahead * compact_span;
  for (std::uint64_t ahead = 1; !found && ahead <= limits::compact_epochs_ahead_max; ++ahead)
    if (const auto first = (receiving_.epoch() + ahead) * epoch_packets | low; opens_compact(datagram, headroom, first))
      found = first;
  if (!found) {
    last_was_replay_ = !window_.would_accept(nearest);
    ++compact_forgeries_;
    return ++rejected_, false;
  }
  accept(*found);
  datagram.resize(datagram.size() - compact_tag_bytes);
  return true;
}

} // namespace glow::link
