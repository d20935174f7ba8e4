#include "runtime/route/label_packet.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/route/limits.hpp"

namespace glow::route {
namespace {

enum class code : std::uint8_t { bind = 1, bound = 2, unknown = 3 };

constexpr std::size_t life_at = 1, number_at = 9, label_at = 13, source_at = 15, destination_at = 47;
constexpr std::size_t bound_bytes = 15, unknown_bytes = 3;

void start(byte_string& out, code what, std::uint64_t life, std::uint32_t number, std::uint16_t label) {
  out.push_back(static_cast<std::uint8_t>(what));
  append_le(out, life);
  append_le(out, number);
  append_le(out, label);
}

error malformed() { return {error_code::malformed, "packet of labels of an unknown form"}; }

} // namespace

byte_string encode(const label_packet& packet) {
  byte_string out;
  std::visit(overloaded{
               [&](const label_bind& p) {
                 start(out, code::bind, p.life, p.number, p.label);
                 append(out, p.pair.source.view());
                 append(out, p.pair.destination.view());
               },
               [&](const label_bound& p) { start(out, code::bound, p.life, p.number, p.label); },
               [&](const label_unknown& p) {
                 out.push_back(static_cast<std::uint8_t>(code::unknown));
                 append_le(out, p.label);
               },
             },
             packet);
  return out;
}

result<label_packet> decode_label_packet(byte_view body) {
  if (body.empty()) return malformed();
  const auto what = static_cast<code>(body[0]);
  const auto wanted = what == code::bind ? label_bind_bytes : what == code::bound ? bound_bytes : unknown_bytes;
  if (body.size() != wanted || (what != code::bind && what != code::bound && what != code::unknown)) return malformed();
  const auto label = read_le<std::uint16_t>(body.data() + (what == code::unknown ? 1 : label_at));
  if (label >= limits::labels_per_link_max) return malformed();
  if (what == code::unknown) return label_packet{label_unknown{label}};
  const auto life = read_le<std::uint64_t>(body.data() + life_at);
  const auto number = read_le<std::uint32_t>(body.data() + number_at);
  if (what == code::bound) return label_packet{label_bound{life, number, label}};
  const node_pair pair{node_id::from(body.subspan(source_at, node_id::size_bytes)),
                       node_id::from(body.subspan(destination_at, node_id::size_bytes))};
  return label_packet{label_bind{life, number, label, pair}};
}

} // namespace glow::route
