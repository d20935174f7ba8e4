/// HOME/config.toml: what an agent is started with. `glow up` keeps the flags it was given there, glowd reads it.
///
///     name = "laptop"
///     listen = ["udp://[::]:7400", "tcp://[::]:7400"]
///     peer = ["udp://nas.example.org:7400"]
///     media = ["udp", "tcp"]
///     discovery = true
#pragma once

#include "runtime/base/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace glow::client {

/// Only what was said; the agent knows the defaults.
struct agent_config {
  std::optional<std::string> name;
  std::optional<std::vector<std::string>> listen;
  std::optional<std::vector<std::string>> peer;
  std::optional<std::vector<std::string>> media; ///< schemes the agent may speak; default: all it knows
  std::optional<bool> discovery;

  bool empty() const { return !name && !listen && !peer && !media && !discovery; }
  /// What `more` says replaces what this says.
  void apply(const agent_config& more);
};

/// Checks names and URIs, so that a mistake is told before an agent is started.
/// Errors: `usage`.
result<void> check(const agent_config& config);
/// A missing file is an empty config.
/// Errors: `usage` (no TOML, an unknown key, a wrong type, a URI that is none) with file and line; `io`.
result<agent_config> read_config(const std::string& path);
/// Written under a temporary name, synced, renamed.
/// Errors: `io`.
result<void> write_config(const std::string& path, const agent_config& config);

} // namespace glow::client
