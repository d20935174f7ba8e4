/// The mesh's documents as people read them.
#pragma once

#include "apps/glow/command_line.hpp"

namespace glow::cli::mesh_text {

std::string status(const context& with, const json& document);
std::string nodes(const context& with, const json& document);
std::string links(const context& with, const json& document);
std::string routes(const context& with, const json& document);
/// Of glow routes --why: per class the decision, then its candidates.
std::string why_route(const context& with, const json& document);
std::string trace(const context& with, const json& document);
std::string supervisor_tree(const context& with, const json& document);
std::string ping_line(const json& reply);
std::string ping_summary(const json& summary);

} // namespace glow::cli::mesh_text
