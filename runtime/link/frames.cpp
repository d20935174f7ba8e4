#include "runtime/link/frames.hpp"

#include "runtime/base/overloaded.hpp"
#include "runtime/link/limits.hpp"

namespace glow::link {
namespace {

enum class kind : std::uint8_t { ping = 1, pong = 2, close = 3, confirm = 4, admission = 5, admission_received = 6 };

byte_string start(kind which) { return {static_cast<std::uint8_t>(which)}; }

template <class... Numbers>
byte_string numbers(kind which, Numbers... fields) {
  auto out = start(which);
  (append_le(out, fields), ...);
  return out;
}

/// Bytes of the character that `rest` begins with, 0 when that is no UTF-8 (RFC 3629; JSON and terminals want it valid).
std::size_t utf8_length(byte_view rest) {
  auto first = rest[0];
  std::size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 0;
  if (first >= 0xf0 && first < 0xf5) length = 4;
  if (length == 0 || rest.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((rest[i] & 0xc0) != 0x80) return 0;
  if (length > 2) { // overlong forms, surrogates, beyond U+10FFFF
    auto second = rest[1];
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90)
        || (first == 0xf4 && second > 0x8f))
      return 0;
  }
  return length;
}

} // namespace

error_code error_code_from(std::uint8_t raw) {
  return raw <= static_cast<std::uint8_t>(error_code::stopped) ? static_cast<error_code>(raw) : error_code::failed;
}

std::string bounded_text(byte_view bytes) {
  auto rest = bytes.first(std::min(bytes.size(), limits::uri_bytes_max));
  std::string out;
  while (!rest.empty()) {
    auto length = utf8_length(rest);
    if (length == 0 || rest[0] < ' ' || rest[0] == 0x7f) {
      out.push_back('?');
      rest = rest.subspan(1);
    } else {
      out += as_text(rest.first(length));
      rest = rest.subspan(length);
    }
  }
  return out;
}

byte_string encode(const frame& what) {
  return std::visit(overloaded{
                      [](const ping_frame& f) {
                        auto out = numbers(kind::ping, f.number, f.sent_us, f.rtt_us);
                        out.resize(out.size() + f.padding_bytes);
                        return out;
                      },
                      [](const pong_frame& f) { return numbers(kind::pong, f.number, f.echoed_us, f.bytes_received); },
                      [](const close_frame& f) {
                        auto out = start(kind::close);
                        out.push_back(static_cast<std::uint8_t>(f.why.code));
                        append(out, as_bytes(std::string_view{f.why.message}.substr(0, limits::close_text_bytes_max)));
                        return out;
                      },
                      [](const confirm_frame&) { return start(kind::confirm); },
                      [](const admission_frame& f) {
                        auto out = numbers(kind::admission, f.index, f.count);
                        append(out, f.bytes);
                        return out;
                      },
                      [](const admission_received_frame& f) { return numbers(kind::admission_received, f.index); },
                    },
                    what);
}

result<frame> decode_frame(byte_view bytes) {
  static const error cut_short{error_code::malformed, "control frame is cut short"};
  if (bytes.empty()) return cut_short;
  auto rest = bytes.subspan(1);
  switch (static_cast<kind>(bytes[0])) {
  case kind::ping:
    if (rest.size() < 16) return cut_short;
    return frame{ping_frame{read_le<std::uint32_t>(rest.data()), read_le<std::uint64_t>(rest.data() + 4),
                            read_le<std::uint32_t>(rest.data() + 12)}};
  case kind::pong:
    if (rest.size() < 20) return cut_short;
    return frame{pong_frame{read_le<std::uint32_t>(rest.data()), read_le<std::uint64_t>(rest.data() + 4),
                            read_le<std::uint64_t>(rest.data() + 12)}};
  case kind::close:
    if (rest.empty()) return cut_short;
    if (rest.size() > 1 + limits::close_text_bytes_max) return error{error_code::malformed, "close frame is too long"};
    return frame{close_frame{{error_code_from(rest[0]), bounded_text(rest.subspan(1))}}};
  case kind::confirm: return frame{confirm_frame{}};
  case kind::admission: {
    if (rest.size() < 4) return cut_short;
    admission_frame out{read_le<std::uint16_t>(rest.data()), read_le<std::uint16_t>(rest.data() + 2), {}};
    if (out.index >= out.count) return error{error_code::malformed, "admission fragment lies beyond the last one"};
    out.bytes = to_bytes(rest.subspan(4));
    return frame{std::move(out)};
  }
  case kind::admission_received:
    if (rest.size() < 2) return cut_short;
    return frame{admission_received_frame{read_le<std::uint16_t>(rest.data())}};
  }
  return error{error_code::malformed, "control frame of a kind unknown here"};
}

} // namespace glow::link
