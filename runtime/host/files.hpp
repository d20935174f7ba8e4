/// Small files, whole: read with a bound, written so that a crash at any moment leaves the old content or the new one.
/// Refuses trees and big files (tree_files and the store do those).
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

#include <string>

#include <sys/types.h>

namespace glow::host {

/// Errors: `not_found`, `exhausted` (longer than `bytes_max`), `io`.
result<byte_string> read_file(const std::string& path, std::size_t bytes_max);
/// Writes a temporary file beside `path`, syncs it, renames it over `path`, syncs the directory. A symbolic link at
/// `path` is replaced, not followed. On failure the old content stands and the temporary file is gone.
/// Errors: `exhausted` (disk or quota full), `io`.
result<void> write_file_atomically(const std::string& path, byte_view content, mode_t mode);
/// Creates the directory and those above it; the last one has mode 0700 afterwards.
/// Errors: `io`; also when it exists and belongs to somebody else or is no directory.
result<void> make_private_directory(const std::string& path);

} // namespace glow::host
