/// What a fuzz target is: bytes in, laws checked. One source serves libFuzzer (clang) and the ordinary tests (any compiler).
/// Refuses to make up inputs: libFuzzer does, or corpus_main.cpp.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

#include <string>
#include <vector>

namespace glow::fuzz {

/// One file of the corpus.
struct seed {
  std::string name;
  byte_string bytes;
};

struct target {
  const char* name;
  const char* covers;           ///< decoders and machines that meet the input
  void (*run)(byte_view input); ///< aborts where a law is broken
  std::vector<seed> (*seeds)(); ///< true messages, the same at every call
  std::size_t input_bytes_max = 4096;
  unsigned slowness = 1; ///< the ordinary tests give it so many times fewer inputs: cryptography, whole conversations
};

/// A law of the code under test. Says which one is broken, then aborts, so that every fuzzer notices.
void require(bool holds, const char* law);

/// An error that a decoder gives must be one that people can read, however long the input was.
void require_readable(const error& why);

/// What was decoded encodes to bytes that decode to the same: decode(encode(decode(x))) == decode(x), compared by their
/// encodings, for not every struct compares. Returns whether the input decoded.
template <class Decode, class Encode>
bool keeps_meaning(byte_view input, Decode decode, Encode encode) {
  auto first = decode(input);
  if (!first) {
    require_readable(first.why());
    return false;
  }
  auto bytes = encode(*first);
  // pointers of a message may meet in one place; written out, it may then be longer than a reader accepts
  if (bytes.size() > limits::capnp_traversal_words * 4) return true;
  auto second = decode(bytes);
  require(second.ok(), "what was decoded encodes to something that decodes");
  require(encode(*second) == bytes, "what was decoded twice is the same");
  return true;
}

} // namespace glow::fuzz
