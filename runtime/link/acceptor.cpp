#include "runtime/link/acceptor.hpp"

#include "runtime/identity/keys.hpp"
#include "runtime/link/limits.hpp"

#include <sodium.h>

namespace glow::link {

bool may_be_heeded(byte_view datagram) {
  auto type = type_of(datagram);
  if (is_sealed(type)) return true;
  return type == datagram_type::handshake_1 && decode_handshake_1(datagram).ok();
}

void acceptor::rotate_secret(steady_time now, random_source& random) {
  if (seeded_ && now - secret_since_ < limits::cookie_secret_life) return;
  previous_secret_ = secret_;
  random.fill(secret_);
  if (!seeded_) previous_secret_ = secret_;
  secret_since_ = now;
  seeded_ = true;
}

cookie acceptor::cookie_for(std::string_view remote, const std::array<std::uint8_t, 32>& secret) const {
  cookie out;
  crypto_generichash_blake2b(out.data(), cookie::size_bytes, as_bytes(remote).data(), remote.size(), secret.data(),
                             secret.size());
  return out;
}

verdict acceptor::judge(byte_view datagram, std::string_view remote, std::size_t pending,
                        const std::function<bool(std::uint32_t)>& known_index, steady_time now, random_source& random) {
  auto type = type_of(datagram);
  if (is_sealed(type)) {
    auto index = receiver_index_of(datagram);
    if (!known_index(index)) return ++counters_.unknown_session, ignore{};
    return ++counters_.roamed, roamed{index};
  }
  auto first = decode_handshake_1(datagram);
  if (!first) return ++counters_.malformed, ignore{};
  if (pending >= limits::pending_handshakes_max) {
    rotate_secret(now, random);
    bool proved = false;
    if (first->echoed)
      for (auto& secret : {secret_, previous_secret_}) {
        auto right = cookie_for(remote, secret);
        proved = proved || sodium_memcmp(right.data(), first->echoed->data(), cookie::size_bytes) == 0;
      }
    if (!proved) {
      if (first->echoed) ++counters_.cookies_wrong;
      ++counters_.cookies_sent;
      return answer_cookie{encode(cookie_reply{first->sender, cookie_for(remote, secret_)})};
    }
  }
  ++counters_.accepted;
  return accept{};
}

} // namespace glow::link
