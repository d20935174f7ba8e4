/// Files between this machine and the namespace, with a progress bar: what put, get and run share.
#pragma once

#include "apps/glow/command_line.hpp"

namespace glow::cli {

/// Longer than any transfer that still moves: the agent tells progress, or answers, before it.
inline constexpr auto transfer_patience = std::chrono::hours{24};

/// Puts a local file or directory at a path of the namespace; the agent's document.
/// Errors: the agent's; `io` when the source does not exist.
result<json> put_local(const context& with, const std::string& source, const std::string& path, bool skip_unreadable);
/// A bar for `with.err` as a progress handler.
std::function<void(const control::progress_made&)> shown_on(const std::shared_ptr<client::progress_bar>& bar);

/// `--each` of glow run: local files, globs and directories are put under /jobs/in first; a single path of the namespace is
/// used as it is. The namespace path whose files become the steps.
/// Errors: `usage`, `io`, those of put.
result<std::string> staged_inputs(const context& with, const std::vector<std::string>& given);

} // namespace glow::cli
