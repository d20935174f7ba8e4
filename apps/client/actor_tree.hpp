/// The agent's supervision tree as people read it.
#pragma once

#include "apps/client/document.hpp"
#include "apps/client/terminal.hpp"

namespace glow::client {

/// `document`: the answer to `supervisor-tree`.
std::string actor_tree(const terminal& on, const json& document);
/// How a state of an actor or a link looks.
tint tint_of_state(const std::string& state);

} // namespace glow::client
