#include "runtime/measure/exposition.hpp"

#include <cassert>
#include <charconv>
#include <cmath>

namespace glow::measure {
namespace {

/// Bounds that a histogram's lines name: from 64 µs to 67 s, doubling. Below, a network has nothing to tell.
constexpr unsigned power_first = 6;

/// Bytes of the UTF-8 character at `at`; 0 when what stands there is none.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() - at < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool beyond = (lead == 0xed && byte(1) >= 0xa0) || (lead == 0xf4 && byte(1) >= 0x90); // surrogates, above U+10FFFF
  return overlong || beyond ? 0 : length;
}

/// The format's three escapes; what is no UTF-8 becomes U+FFFD.
void append_escaped(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = character_bytes(text, at);
    if (length == 0)
      out += "\xef\xbf\xbd";
    else if (text[at] == '\\' || text[at] == '"')
      (out += '\\') += text[at];
    else if (text[at] == '\n')
      out += "\\n";
    else
      out += text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
}

void append_labels(std::string& out, const labels& where, std::string_view bound = {}) {
  if (where.empty() && bound.empty()) return;
  out += '{';
  for (auto& each : where) {
    if (out.back() != '{') out += ',';
    (out += each.name) += "=\"";
    append_escaped(out, each.value);
    out += '"';
  }
  if (!bound.empty()) ((out += out.back() == '{' ? "le=\"" : ",le=\"") += bound) += '"';
  out += '}';
}

/// Shortest text that reads back as the same number.
std::string text_of(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[40];
  auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, const labels& where, std::string_view value,
                   std::string_view bound = {}) {
  (out += name) += suffix;
  append_labels(out, where, bound);
  ((out += ' ') += value) += '\n';
}

} // namespace

exposition::collected* exposition::find(std::string_view name) {
  for (auto& each : families_)
    if (each.name == name) return &each;
  return nullptr;
}

std::string& exposition::samples_of(const family& of, std::string_view type) {
  if (auto* known = find(of.name)) {
    assert(known->type == type); // one name, one meaning
    return known->samples;
  }
  return families_.emplace_back(collected{of.name, of.help, of.unit, type, {}}).samples;
}

void exposition::counter(const family& of, const labels& where, std::uint64_t value) {
  append_sample(samples_of(of, "counter"), of.name, "_total", where, std::to_string(value));
}

void exposition::counter(const family& of, const labels& where, double value) {
  append_sample(samples_of(of, "counter"), of.name, "_total", where, text_of(value));
}

void exposition::gauge(const family& of, const labels& where, double value) {
  append_sample(samples_of(of, "gauge"), of.name, {}, where, text_of(value));
}

void exposition::info(const family& of, const labels& facts) {
  append_sample(samples_of(of, "info"), of.name, "_info", facts, "1");
}

void exposition::times(const family& of, const labels& where, const histogram& values) {
  assert(of.unit == "seconds");
  auto& out = samples_of(of, "histogram");
  for (auto power = power_first; power <= histogram::octaves; ++power)
    append_sample(out, of.name, "_bucket", where, std::to_string(values.count_within(power)),
                  text_of(static_cast<double>(std::uint64_t{1} << power) / 1e6));
  append_sample(out, of.name, "_bucket", where, std::to_string(values.count()), "+Inf");
  append_sample(out, of.name, "_count", where, std::to_string(values.count()));
  append_sample(out, of.name, "_sum", where, text_of(std::chrono::duration<double>(values.sum()).count()));
}

void exposition::merge(exposition&& other) {
  for (auto& each : other.families_) {
    if (auto* known = find(each.name)) {
      assert(known->type == each.type);
      known->samples += each.samples;
    } else {
      families_.push_back(std::move(each));
    }
  }
  other.families_.clear();
}

std::string exposition::text() const {
  std::string out;
  for (auto& each : families_) {
    ((((out += "# TYPE ") += each.name) += ' ') += each.type) += '\n';
    if (!each.unit.empty()) ((((out += "# UNIT ") += each.name) += ' ') += each.unit) += '\n';
    ((out += "# HELP ") += each.name) += ' ';
    append_escaped(out, each.help);
    (out += '\n') += each.samples;
  }
  return out += "# EOF\n";
}

} // namespace glow::measure
