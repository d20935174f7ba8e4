#include "runtime/link/packet_cipher.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

namespace glow::link {
namespace {

constexpr int tag_bytes = 16;

/// One cipher is all we want of the library: no configuration file of the machine's, whatever that would load.
bool prepare_library() {
  static const bool done = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS
                                                 | OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                                               nullptr)
                           == 1;
  return done;
}

} // namespace

void packet_cipher::freed::operator()(evp_cipher_ctx_st* state) const {
  EVP_CIPHER_CTX_free(state); // wipes the key
}

bool packet_cipher::is_worth_it(std::size_t bytes) {
  if (bytes < packet_cipher_long_bytes) return false;
  if (long_bytes_ >= packet_cipher_worth_bytes) return true;
  long_bytes_ += bytes;
  return false;
}

bool packet_cipher::ready(bool sealing, const packet_nonce& nonce, std::uint64_t epoch, const secret_key& key) {
  if (state_ && epoch == epoch_)
    return EVP_CipherInit_ex(state_.get(), nullptr, nullptr, nullptr, nonce.data(), sealing ? 1 : 0) == 1;
  if (!state_ && prepare_library()) state_.reset(EVP_CIPHER_CTX_new());
  epoch_ = epoch;
  if (state_ && EVP_CipherInit_ex(state_.get(), EVP_chacha20_poly1305(), nullptr, key.data(), nonce.data(), sealing ? 1 : 0) == 1)
    return true;
  state_.reset();
  return false;
}

void packet_cipher::seal(const cipher_text& what, byte_view additional, const packet_nonce& nonce, std::uint64_t epoch,
                         const secret_key& key) {
  int written = 0;
  if (is_worth_it(what.bytes) && ready(true, nonce, epoch, key)
      && EVP_EncryptUpdate(state_.get(), nullptr, &written, additional.data(), static_cast<int>(additional.size())) == 1
      && EVP_EncryptUpdate(state_.get(), what.text, &written, what.text, static_cast<int>(what.bytes)) == 1) {
    // Neither can fail for a stream cipher whose text went in: to fall back now would encrypt twice.
    EVP_EncryptFinal_ex(state_.get(), what.tag, &written);
    EVP_CIPHER_CTX_ctrl(state_.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, what.tag);
    return;
  }
  crypto_aead_chacha20poly1305_ietf_encrypt_detached(what.text, what.tag, nullptr, what.text, what.bytes, additional.data(),
                                                     additional.size(), nullptr, nonce.data(), key.data());
}

bool packet_cipher::open(const cipher_text& what, byte_view additional, const packet_nonce& nonce, std::uint64_t epoch,
                         const secret_key& key) {
  int written = 0;
  if (is_worth_it(what.bytes) && ready(false, nonce, epoch, key))
    return EVP_CIPHER_CTX_ctrl(state_.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, what.tag) == 1
           && EVP_DecryptUpdate(state_.get(), nullptr, &written, additional.data(), static_cast<int>(additional.size())) == 1
           && EVP_DecryptUpdate(state_.get(), what.text, &written, what.text, static_cast<int>(what.bytes)) == 1
           && EVP_DecryptFinal_ex(state_.get(), what.tag, &written) == 1;
  return crypto_aead_chacha20poly1305_ietf_decrypt_detached(what.text, nullptr, what.text, what.bytes, what.tag,
                                                            additional.data(), additional.size(), nonce.data(), key.data())
         == 0;
}

} // namespace glow::link
