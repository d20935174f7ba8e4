/// Memory that was used once: given back to the operating system, so that an agent that worked hard idles as small as one
/// that never did. Refuses to count it.
#pragma once

namespace glow::host {

/// For programs that are agents and nothing else, first thing in main(): few arenas, and the heap's end stays when it falls free
/// (it comes back as page faults, one for every other packet under load), until release_free_memory().
void keep_free_memory();
/// Gives free heap pages back. Costs up to some milliseconds: call it after a burst of work, not within.
void release_free_memory();

} // namespace glow::host
