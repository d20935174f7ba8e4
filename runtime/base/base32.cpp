#include "runtime/base/base32.hpp"

namespace glow {
namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view hex_digits = "0123456789abcdef";

int base32_value(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  auto at = alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

int hex_value(char c) {
  if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  auto at = hex_digits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

} // namespace

std::string to_base32(byte_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 8 + 4) / 5);
  std::uint32_t held = 0;
  int held_bits = 0;
  for (auto byte : bytes) {
    held = (held << 8) | byte;
    held_bits += 8;
    while (held_bits >= 5) {
      held_bits -= 5;
      out.push_back(alphabet[(held >> held_bits) & 31u]);
    }
  }
  if (held_bits > 0) out.push_back(alphabet[(held << (5 - held_bits)) & 31u]);
  return out;
}

result<byte_string> from_base32(std::string_view text) {
  auto rest = text.size() % 8;
  if (rest == 1 || rest == 3 || rest == 6) return {error_code::malformed, "base32 text has an impossible length"};
  byte_string out;
  out.reserve(text.size() * 5 / 8);
  std::uint32_t held = 0;
  int held_bits = 0;
  for (char c : text) {
    auto value = base32_value(c);
    if (value < 0) return {error_code::malformed, "base32 text has a character outside a-z2-7"};
    held = (held << 5) | static_cast<std::uint32_t>(value);
    held_bits += 5;
    if (held_bits >= 8) {
      held_bits -= 8;
      out.push_back(static_cast<std::uint8_t>(held >> held_bits));
    }
  }
  if ((held & ((1u << held_bits) - 1u)) != 0) return {error_code::malformed, "base32 text has stray bits at its end"};
  return out;
}

std::string to_hex(byte_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (auto byte : bytes) {
    out.push_back(hex_digits[byte >> 4]);
    out.push_back(hex_digits[byte & 15]);
  }
  return out;
}

result<byte_string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return {error_code::malformed, "hex text has an odd length"};
  byte_string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    auto high = hex_value(text[i]);
    auto low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return {error_code::malformed, "hex text has a character outside 0-9a-f"};
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

} // namespace glow
