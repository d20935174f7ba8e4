#include "runtime/mail/records.hpp"

#include "runtime/base/capnp.hpp"
#include "runtime/mail/limits.hpp"
#include "schema/mail.capnp.h"

namespace glow::mail {
namespace {

constexpr std::size_t why_bytes_max = 1024;
constexpr std::string_view prefix = "mail/m/";
enum kind : std::uint8_t { parcels = 'p', numberings = 'n', receiveds = 'r', kept = 'k', tellings = 't', endeds = 'e' };

error wrong(const char* what) { return {error_code::malformed, std::string{"mail record with a wrong "} + what}; }

byte_string key(kind of, std::initializer_list<byte_view> parts) {
  auto out = to_bytes(prefix);
  out.push_back(of);
  out.push_back('/');
  for (auto part : parts) append(out, part);
  return out;
}

std::array<std::uint8_t, 8> sorted(std::uint64_t number) {
  std::array<std::uint8_t, 8> out;
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return out;
}

bool read_node(capnp::Data::Reader data, node_id& out) {
  out = node_id::from(from_data(data));
  return data.size() == node_id::size_bytes;
}

/// Times of records are this node's own, but a damaged one must not overflow a sum.
wall_time read_time(std::int64_t ms) { return from_unix_ms(std::clamp<std::int64_t>(ms, 0, 1ll << 48)); }

result<any_record> read(schema::Parcel::Reader in) {
  parcel out;
  if (!read_node(in.getSender(), out.way.sender) || !read_node(in.getRecipient(), out.way.recipient)) return wrong("node");
  out.way.numbering = in.getNumbering();
  out.number = in.getNumber();
  out.bytes = in.getBytes();
  if (out.number == UINT64_MAX || out.bytes > limits::letter_bytes_max) return wrong("number or size");
  out.sent = read_time(in.getSentMs());
  out.expires = read_time(in.getExpiresMs());
  out.box = from_text(in.getBox());
  if (!out.box.empty() && !is_box_name(out.box)) return wrong("box");
  if (in.getCustodians().size() > limits::custodians_max) return wrong("number of custodians");
  for (auto each : in.getCustodians())
    if (!read_node(each, out.custodians.emplace_back())) return wrong("custodian");
  return any_record{std::move(out)};
}

result<any_record> read(schema::Numbering::Reader in) {
  numbering_of out{{}, in.getNumbering(), in.getNext()};
  if (!read_node(in.getRecipient(), out.recipient)) return wrong("node");
  return any_record{out};
}

result<any_record> read(schema::Received::Reader in) {
  received_of out{{}, in.getNumbering(), {}, read_time(in.getLastMs())};
  if (!read_node(in.getSender(), out.sender)) return wrong("node");
  if (in.getRanges().size() > limits::number_ranges_max) return wrong("number of ranges");
  for (auto each : in.getRanges()) out.received.insert({each.getBegin(), each.getEnd()});
  return any_record{std::move(out)};
}

result<any_record> read(schema::KeptLetter::Reader in) {
  kept_letter out;
  out.arrival = in.getArrival();
  if (!read_node(in.getFrom(), out.from)) return wrong("node");
  out.numbering = in.getNumbering();
  out.number = in.getNumber();
  out.box = from_text(in.getBox());
  if (!is_box_name(out.box)) return wrong("box");
  out.sent = read_time(in.getSentMs());
  out.received = read_time(in.getReceivedMs());
  out.bytes = in.getBytes();
  if (out.bytes > limits::mail_body_bytes_max) return wrong("size");
  return any_record{std::move(out)};
}

result<any_record> read(schema::Telling::Reader in) {
  telling out{{}, to_bytes(from_data(in.getReceipt())), read_time(in.getExpiresMs())};
  if (!read_node(in.getTo(), out.to)) return wrong("node");
  return any_record{std::move(out)};
}

result<any_record> read(schema::EndedLetter::Reader in) {
  ended_letter out;
  if (!read_node(in.getRecipient(), out.recipient)) return wrong("node");
  out.numbering = in.getNumbering();
  out.number = in.getNumber();
  out.box = from_text(in.getBox());
  if (!is_box_name(out.box)) return wrong("box");
  if (in.getEnd() < 1 || in.getEnd() > 3) return wrong("end");
  out.end = static_cast<letter_end>(in.getEnd());
  out.why = from_text(in.getWhy());
  if (out.why.size() > why_bytes_max) return wrong("text");
  out.bytes = in.getBytes();
  out.sent = read_time(in.getSentMs());
  out.ended = read_time(in.getEndedMs());
  return any_record{std::move(out)};
}

template <class Root>
result<any_record> read_as(byte_view value) {
  return read_message<Root>(value, [](typename Root::Reader in) { return read(in); });
}

} // namespace

byte_string records_prefix() { return to_bytes(prefix); }
byte_string key_of(const parcel& record) { return key(parcels, {record.id().view()}); }
byte_string key_of(const numbering_of& record) { return key(numberings, {record.recipient.view()}); }
byte_string key_of(const received_of& record) { return key(receiveds, {record.sender.view(), sorted(record.numbering)}); }
byte_string key_of(const kept_letter& record) { return key(kept, {sorted(record.arrival)}); }
byte_string telling_key(const node_id& to, const lane& way) {
  return key(tellings, {to.view(), way.sender.view(), way.recipient.view(), sorted(way.numbering)});
}
byte_string ended_key(const letter_id& id) { return key(endeds, {id.view()}); }

byte_string letter_key(const letter_id& id) {
  auto out = to_bytes(std::string_view{"mail/l/"});
  append(out, id.view());
  return out;
}
byte_string body_key(std::uint64_t arrival) {
  auto out = to_bytes(std::string_view{"mail/b/"});
  append(out, sorted(arrival));
  return out;
}

byte_string encode(const parcel& record) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Parcel>();
  root.setSender(as_data(record.way.sender.view()));
  root.setRecipient(as_data(record.way.recipient.view()));
  root.setNumbering(record.way.numbering);
  root.setNumber(record.number);
  root.setBytes(record.bytes);
  root.setSentMs(to_unix_ms(record.sent));
  root.setExpiresMs(to_unix_ms(record.expires));
  root.setBox(as_capnp_text(record.box));
  auto list = root.initCustodians(static_cast<unsigned>(record.custodians.size()));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, as_data(record.custodians[i].view()));
  return to_bytes(message);
}

byte_string encode(const numbering_of& record) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Numbering>();
  root.setRecipient(as_data(record.recipient.view()));
  root.setNumbering(record.numbering);
  root.setNext(record.next);
  return to_bytes(message);
}

byte_string encode(const received_of& record) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Received>();
  root.setSender(as_data(record.sender.view()));
  root.setNumbering(record.numbering);
  root.setLastMs(to_unix_ms(record.last));
  auto& ranges = record.received.ranges();
  auto list = root.initRanges(static_cast<unsigned>(ranges.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setBegin(ranges[i].begin);
    list[i].setEnd(ranges[i].end);
  }
  return to_bytes(message);
}

byte_string encode(const kept_letter& record) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::KeptLetter>();
  root.setArrival(record.arrival);
  root.setFrom(as_data(record.from.view()));
  root.setNumbering(record.numbering);
  root.setNumber(record.number);
  root.setBox(as_capnp_text(record.box));
  root.setSentMs(to_unix_ms(record.sent));
  root.setReceivedMs(to_unix_ms(record.received));
  root.setBytes(record.bytes);
  return to_bytes(message);
}

byte_string encode(const telling& record) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Telling>();
  root.setTo(as_data(record.to.view()));
  root.setReceipt(as_data(record.receipt));
  root.setExpiresMs(to_unix_ms(record.expires));
  return to_bytes(message);
}

byte_string encode(const ended_letter& record) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::EndedLetter>();
  root.setRecipient(as_data(record.recipient.view()));
  root.setNumbering(record.numbering);
  root.setNumber(record.number);
  root.setBox(as_capnp_text(record.box));
  root.setEnd(static_cast<std::uint8_t>(record.end));
  root.setWhy(as_capnp_text(record.why.substr(0, why_bytes_max)));
  root.setBytes(record.bytes);
  root.setSentMs(to_unix_ms(record.sent));
  root.setEndedMs(to_unix_ms(record.ended));
  return to_bytes(message);
}

result<any_record> decode_record(byte_view key, byte_view value) {
  if (key.size() <= prefix.size() || as_text(key.first(prefix.size())) != prefix) return wrong("key");
  switch (key[prefix.size()]) {
  case parcels: return read_as<schema::Parcel>(value);
  case numberings: return read_as<schema::Numbering>(value);
  case receiveds: return read_as<schema::Received>(value);
  case kept: return read_as<schema::KeptLetter>(value);
  case tellings: return read_as<schema::Telling>(value);
  case endeds: return read_as<schema::EndedLetter>(value);
  default: return wrong("kind");
  }
}

} // namespace glow::mail
