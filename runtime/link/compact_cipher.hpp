/// Encryption of a packet for slow lines, where a tag of 8 bytes must do: ChaCha20 (RFC 8439), then a keyed BLAKE2b (RFC 7693)
/// over counter, header and ciphertext, cut to 8 bytes. Refuses to choose keys and counters.
///
/// Why not Poly1305 with half of its tag: that is no pseudo-random function, and what is proven of it shrinks by a bit with
/// each bit that is cut off and a few more with the length (truncated tags of such functions are what RFC 3711 and SP 800-38D,
/// appendix C, warn of). Half of a keyed BLAKE2b is as strong as its length: a forgery succeeds once in 2^64 tries, whatever
/// was seen before. A line of 1 Mbit/s brings some 7000 tries a second, and limits::compact_forgeries_max ends the link.
/// Both keys are hashed from that of the session's epoch, which itself seals the long form: no key serves two ciphers.
#pragma once

#include "runtime/link/packet_cipher.hpp"

namespace glow::link {

inline constexpr std::size_t compact_tag_bytes = 8;

/// Encrypts the text in place and writes its tag of compact_tag_bytes. `counter`: never twice under one key.
void compact_seal(const cipher_text& what, std::uint8_t header, std::uint64_t counter, const secret_key& key);
/// The way back. False, with the text as it was, when the tag is not authentic.
bool compact_open(const cipher_text& what, std::uint8_t header, std::uint64_t counter, const secret_key& key);

} // namespace glow::link
