/// The table of Noise patterns (sections 7.4, 7.5 and 18.1 of revision 34).
#include "runtime/link/noise.hpp"

namespace glow::link {
namespace {

struct row {
  std::string_view name;
  std::string_view known;    ///< pre-messages: "i" the initiator's static key, "r" the responder's, "ir" both
  std::string_view messages; ///< separated by '|', tokens by ','
};

constexpr row table[] = {
  // one-way
  {"N", "r", "e,es"},
  {"K", "ir", "e,es,ss"},
  {"X", "r", "e,es,s,ss"},
  // interactive, fundamental
  {"NN", "", "e|e,ee"},
  {"NK", "r", "e,es|e,ee"},
  {"NX", "", "e|e,ee,s,es"},
  {"KN", "i", "e|e,ee,se"},
  {"KK", "ir", "e,es,ss|e,ee,se"},
  {"KX", "i", "e|e,ee,se,s,es"},
  {"XN", "", "e|e,ee|s,se"},
  {"XK", "r", "e,es|e,ee|s,se"},
  {"XX", "", "e|e,ee,s,es|s,se"},
  {"IN", "", "e,s|e,ee,se"},
  {"IK", "r", "e,es,s,ss|e,ee,se"},
  {"IX", "", "e,s|e,ee,se,s,es"},
  // interactive, deferred
  {"NK1", "r", "e|e,ee,es"},
  {"NX1", "", "e|e,ee,s|es"},
  {"X1N", "", "e|e,ee|s|se"},
  {"X1K", "r", "e,es|e,ee|s|se"},
  {"XK1", "r", "e|e,ee,es|s,se"},
  {"X1K1", "r", "e|e,ee,es|s|se"},
  {"X1X", "", "e|e,ee,s,es|s|se"},
  {"XX1", "", "e|e,ee,s|es,s,se"},
  {"X1X1", "", "e|e,ee,s|es,s|se"},
  {"K1N", "i", "e|e,ee|se"},
  {"K1K", "ir", "e,es|e,ee|se"},
  {"KK1", "ir", "e|e,ee,se,es"},
  {"K1K1", "ir", "e|e,ee,es|se"},
  {"K1X", "i", "e|e,ee,s,es|se"},
  {"KX1", "i", "e|e,ee,se,s|es"},
  {"K1X1", "i", "e|e,ee,s|se,es"},
  {"I1N", "", "e,s|e,ee|se"},
  {"I1K", "r", "e,es,s|e,ee|se"},
  {"IK1", "r", "e,s|e,ee,se,es"},
  {"I1K1", "r", "e,s|e,ee,es|se"},
  {"I1X", "", "e,s|e,ee,s,es|se"},
  {"IX1", "", "e,s|e,ee,se,s|es"},
  {"I1X1", "", "e,s|e,ee,s|se,es"},
};

noise_token token_from(std::string_view text) {
  if (text == "e") return noise_token::e;
  if (text == "s") return noise_token::s;
  if (text == "ee") return noise_token::ee;
  if (text == "es") return noise_token::es;
  if (text == "se") return noise_token::se;
  return noise_token::ss;
}

template <class Each>
void split(std::string_view text, char separator, Each each) {
  while (true) {
    auto end = text.find(separator);
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

/// Section 9: psk0 opens the first message, pskN closes message N.
bool add_psk(noise_pattern& pattern, std::string_view position) {
  if (position.size() != 1 || position[0] < '0' || position[0] > '9') return false;
  auto at = static_cast<std::size_t>(position[0] - '0');
  if (at > pattern.messages.size()) return false;
  auto& message = pattern.messages[at == 0 ? 0 : at - 1];
  message.insert(at == 0 ? message.begin() : message.end(), noise_token::psk);
  pattern.uses_psk = true;
  return true;
}

} // namespace

result<noise_pattern> find_noise_pattern(std::string_view name) {
  auto modifiers = name.find("psk");
  auto base = name.substr(0, modifiers);
  for (auto& each : table) {
    if (each.name != base) continue;
    noise_pattern out;
    out.name = name;
    out.initiator_static_known = each.known.find('i') != std::string_view::npos;
    out.responder_static_known = each.known.find('r') != std::string_view::npos;
    split(each.messages, '|', [&](std::string_view message) {
      auto& tokens = out.messages.emplace_back();
      split(message, ',', [&](std::string_view token) { tokens.push_back(token_from(token)); });
    });
    bool known = true;
    if (modifiers != std::string_view::npos)
      split(name.substr(modifiers), '+',
            [&](std::string_view modifier) { known = known && modifier.starts_with("psk") && add_psk(out, modifier.substr(3)); });
    if (known) return out;
  }
  return {error_code::not_found, "no Noise pattern is called '" + std::string{name} + "'"};
}

std::vector<std::string_view> noise_pattern_names() {
  std::vector<std::string_view> out;
  for (auto& each : table) out.push_back(each.name);
  return out;
}

} // namespace glow::link
