#include "runtime/route/admission.hpp"

#include "runtime/route/limits.hpp"

#include <algorithm>

namespace glow::route {

admission admits(std::string_view link_class, link::bulk_wish wish, traffic_class traffic) {
  const bool drop = link_class == "drop";
  const bool control = link_class == "control";
  switch (traffic) {
  case traffic_class::control: return drop ? admission::refused : admission::carried;
  case traffic_class::interactive: return drop ? admission::refused : control ? admission::small_only : admission::carried;
  case traffic_class::bulk: break;
  }
  if (wish == link::bulk_wish::by_class) return drop || control ? admission::refused : admission::carried;
  return wish == link::bulk_wish::yes ? admission::carried : admission::refused;
}

std::size_t admitted_bytes_max(std::string_view link_class, link::bulk_wish wish, traffic_class traffic,
                               std::size_t packet_bytes_max) {
  switch (admits(link_class, wish, traffic)) {
  case admission::refused: return 0;
  case admission::small_only: return std::min(packet_bytes_max, limits::small_interactive_packet_bytes);
  case admission::carried: break;
  }
  return packet_bytes_max;
}

std::string reason_of(std::string_view link_class, link::bulk_wish wish, traffic_class traffic) {
  const auto how = admits(link_class, wish, traffic);
  if (how == admission::carried) return {};
  if (how == admission::small_only)
    return "it carries interactive packets of at most " + std::to_string(limits::small_interactive_packet_bytes) + " bytes";
  if (traffic == traffic_class::bulk && wish == link::bulk_wish::no) return "its owners want none there (bulk=no)";
  if (link_class == "drop") return "it stores and forwards";
  return "it carries control and small interactive messages";
}

} // namespace glow::route
