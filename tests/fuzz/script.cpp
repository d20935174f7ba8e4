#include "tests/fuzz/script.hpp"

namespace glow::fuzz {

void append_counted(byte_string& out, byte_view bytes) {
  if (bytes.size() < 128) {
    out.push_back(static_cast<std::uint8_t>(bytes.size()));
  } else {
    out.push_back(static_cast<std::uint8_t>(128 | bytes.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(bytes.size()));
  }
  append(out, bytes);
}

byte_string edited(script& from, byte_view original) {
  auto out = to_bytes(original);
  for (auto edits = from.below(4); edits > 0; --edits) {
    const auto kind = from.below(5);
    const auto at = out.empty() ? 0 : from.u16() % out.size();
    switch (kind) {
    case 0: // one bit
    case 1: // one byte
      if (auto change = from.u8(); !out.empty())
        out[at] = static_cast<std::uint8_t>(out[at] ^ (kind == 0 ? 1u << change % 8 : unsigned{change}));
      break;
    case 2: // the end
      out.resize(at);
      break;
    case 3: // more
      append(out, from.counted_bytes());
      break;
    default: { // some bytes
      auto over = from.counted_bytes();
      std::copy_n(over.begin(), std::min(over.size(), out.size() - at), out.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    }
    }
  }
  return out;
}

} // namespace glow::fuzz
