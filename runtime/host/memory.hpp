/// Memory that was used once: given back to the operating system, so that an agent that worked hard idles as small as one
/// that never did. Refuses to count it.
#pragma once

namespace glow::host {

/// Gives free heap pages back. Costs up to some milliseconds: call it after a burst of work, not within.
void release_free_memory();

} // namespace glow::host
