// libFuzzer's face of one target: GLOW_FUZZ_TARGET names it.
#include "tests/fuzz/targets.hpp"

#include <sodium.h>

extern "C" int LLVMFuzzerInitialize(int*, char***);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int*, char***) { return sodium_init() < 0 ? 1 : 0; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  glow::fuzz::GLOW_FUZZ_TARGET.run({data, size});
  return 0;
}
