#include "runtime/host/memory.hpp"

#include <malloc.h>

namespace glow::host {

namespace {

/// Freed packets at the heap's end that wait for the next ones: what is in flight in one process at full speed.
constexpr int kept_bytes = 32 << 20;
/// Larger blocks get pages of their own, new ones each time: none that a byte on its way passes through is larger.
constexpr int own_pages_bytes = 4 << 20;

} // namespace

void keep_free_memory() {
  ::mallopt(M_ARENA_MAX, 2); // each arena keeps freed memory for itself: an agent has many threads and little to do
  ::mallopt(M_TRIM_THRESHOLD, kept_bytes);
  ::mallopt(M_MMAP_THRESHOLD, own_pages_bytes); // else it stays at 128 KiB once the other one is set
}

void release_free_memory() { ::malloc_trim(0); }

} // namespace glow::host
