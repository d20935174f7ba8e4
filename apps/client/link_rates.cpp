#include "apps/client/link_rates.hpp"

namespace glow::client {

void link_rates::add_to(json& links, clock::time_point now) {
  const auto seconds = looked_at_ ? std::chrono::duration<double>(now - *looked_at_).count() : 0.0;
  std::map<std::string, look> seen;
  for (auto& each : links) {
    const auto id = text_of(each, "id");
    const look present{count_of(each, "bytes_in"), count_of(each, "bytes_out")};
    const auto past = before_.find(id);
    const bool known = past != before_.end() && seconds > 0 && present.bytes_in >= past->second.bytes_in
                       && present.bytes_out >= past->second.bytes_out;
    auto rate = [&](std::uint64_t to, std::uint64_t from) { return json(static_cast<double>(to - from) / seconds); };
    each["bytes_in_per_s"] = known ? rate(present.bytes_in, past->second.bytes_in) : json(nullptr);
    each["bytes_out_per_s"] = known ? rate(present.bytes_out, past->second.bytes_out) : json(nullptr);
    seen[id] = present;
  }
  before_ = std::move(seen);
  looked_at_ = now;
}

} // namespace glow::client
