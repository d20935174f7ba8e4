#include "apps/client/actor_tree.hpp"

#include "apps/client/text.hpp"

namespace glow::client {
namespace {

std::string node_line(const terminal& on, const json& at) {
  auto state = text_of(at, "state");
  auto out = on.painted(printable(text_of(at, "name")), text_of(at, "kind") == "supervisor" ? tint::bold : tint::plain);
  if (state != "running") out += "  " + on.painted(state, tint_of_state(state));
  if (auto restarts = count_of(at, "restarts"); restarts > 0)
    out += "  " + on.painted("restarted " + std::to_string(restarts) + "×", tint::warning);
  if (auto why = text_of(at, "last_failure"); !why.empty())
    out += "  " + on.painted("(" + printable_line(why) + ")", tint::faint);
  return out + "\n";
}

void add_branch(const terminal& on, const json& at, const std::string& lead, const std::string& below, std::string& out) {
  out += lead + node_line(on, at);
  auto children = at.value("children", json::array());
  for (std::size_t i = 0; i < children.size(); ++i) {
    auto last = i + 1 == children.size();
    add_branch(on, children[i], below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "), out);
  }
}

} // namespace

std::string actor_tree(const terminal& on, const json& document) {
  std::string out;
  add_branch(on, document, "", "", out);
  return out;
}

tint tint_of_state(const std::string& state) {
  if (state == "up" || state == "running") return tint::good;
  if (state == "silent" || state == "handshaking" || state == "waiting") return tint::warning;
  return tint::bad;
}

} // namespace glow::client
