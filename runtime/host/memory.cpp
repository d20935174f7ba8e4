#include "runtime/host/memory.hpp"

#include <malloc.h>

namespace glow::host {

void release_free_memory() { ::malloc_trim(0); }

} // namespace glow::host
