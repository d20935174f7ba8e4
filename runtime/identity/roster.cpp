#include "runtime/identity/roster.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/base/limits.hpp"

#include <algorithm>

namespace glow::identity {
namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}
bool may_come_first(char c) { return c != '-' && c != '.'; }

} // namespace

std::string_view to_string(role r) {
  switch (r) {
  case role::admin: return "admin";
  case role::member: return "member";
  case role::guest: return "guest";
  }
  return "unknown";
}

std::optional<role> role_from_text(std::string_view text) {
  for (auto each : {role::admin, role::member, role::guest})
    if (text == to_string(each)) return each;
  return std::nullopt;
}

bool is_node_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::node_name_bytes_max && may_come_first(text.front())
         && std::all_of(text.begin(), text.end(), is_name_character);
}

std::string node_name_from(std::string_view text) {
  if (is_node_name(text)) return std::string{text}; // one that ends in '-' as well
  std::string out;
  for (char c : text) {
    if (out.size() == limits::node_name_bytes_max) break;
    if (!is_name_character(c)) c = '-';
    if (out.empty() && !may_come_first(c)) continue;
    out.push_back(c);
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "node" : out;
}

const member* roster::find(const node_id& node) const {
  auto at =
    std::lower_bound(members.begin(), members.end(), node, [](const member& m, const node_id& wanted) { return m.id < wanted; });
  return at != members.end() && at->id == node ? &*at : nullptr;
}

const member* roster::find_by_name(std::string_view node_name) const {
  auto at = std::find_if(members.begin(), members.end(), [&](const member& m) { return m.name == node_name; });
  return at != members.end() ? &*at : nullptr;
}

std::string roster::name_of(const node_id& node) const {
  auto found = find(node);
  return found ? found->name : to_short_string(node);
}

} // namespace glow::identity
