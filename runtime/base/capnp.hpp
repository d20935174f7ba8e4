/// Bounded reading and writing of Cap'n Proto messages: the only way bytes from outside become structs.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>

namespace glow {

inline capnp::Data::Reader as_data(byte_view bytes) { return {bytes.data(), bytes.size()}; }
inline capnp::Text::Reader as_capnp_text(const std::string& text) { return {text.c_str(), text.size()}; }
inline byte_view from_data(capnp::Data::Reader data) { return {data.begin(), data.size()}; }
inline std::string from_text(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

/// Standard framing (segment table, then segments).
inline byte_string to_bytes(capnp::MessageBuilder& message) {
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asBytes();
  return {bytes.begin(), bytes.end()};
}

/// Calls `read(Root::Reader)` on a message from outside and returns what it returns: a `result<…>`.
/// Errors: `malformed` when the bytes are no message, exceed the traversal or nesting bound, or a pointer leads astray.
template <class Root, class Read>
auto read_message(byte_view bytes, Read read) -> decltype(read(std::declval<typename Root::Reader>())) {
  if (bytes.size() < 8 || bytes.size() % 8 != 0) return error{error_code::malformed, "message is not a whole number of words"};
  // capnp wants aligned words, which bytes off a wire are not
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), bytes.data(), bytes.size());
  capnp::ReaderOptions bounds;
  bounds.traversalLimitInWords = limits::capnp_traversal_words;
  bounds.nestingLimit = limits::capnp_nesting_levels;
  try {
    capnp::FlatArrayMessageReader reader{words, bounds};
    return read(reader.getRoot<Root>());
  } catch (const kj::Exception& broken) {
    return error{error_code::malformed, std::string{"message does not decode: "} + broken.getDescription().cStr()};
  }
}

} // namespace glow
