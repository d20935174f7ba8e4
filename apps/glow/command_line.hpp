/// The commands of `glow`: each group of them adds its own to the command line and leaves what is to be done in `action`.
/// Refuses to do anything while the line is still being read, so that a usage error never has half an effect.
#pragma once

#include "apps/client/connection.hpp"
#include "apps/client/document.hpp"
#include "apps/client/terminal.hpp"

#include <CLI/CLI.hpp>

namespace glow::cli {

using client::connection;
using client::count_of;
using client::json;
using client::name_of;
using client::number_of;
using client::parse_document;
using client::text_of;

/// What every command needs, and the flags that all of them take.
struct context {
  std::string home;
  bool wants_json = false;
  client::terminal out; ///< stdout
  client::terminal err; ///< stderr
  /// `glow run … -- CMD ARG…`: what stood after the dashes, untouched.
  std::vector<std::string> after_dashes;
  bool has_dashes = false;
  /// Set by the subcommand that was given. Returns the exit status.
  std::function<result<int>()> action;
};

void add_agent_commands(CLI::App& app, context& with);   // up down
void add_look_commands(CLI::App& app, context& with);    // status nodes links routes supervisor-tree metrics
void add_mesh_commands(CLI::App& app, context& with);    // invite join ping trace link expel
void add_store_commands(CLI::App& app, context& with);   // put get ls cat rm mv log restore
void add_stdio_command(CLI::App& app, context& with);    // stdio
void add_job_commands(CLI::App& app, context& with);     // run jobs job cancel
void add_service_commands(CLI::App& app, context& with); // listen dial expose forward
void add_mail_commands(CLI::App& app, context& with);    // send recv mailboxes

/// A subcommand with its help: purpose, examples; the exit statuses are added. `--home` and `--json` may follow it.
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& purpose, const std::string& details,
                      const std::string& examples);

/// One command to the agent of `with.home`, on a connection of its own; its document. Commands that change nothing are asked
/// again for a few seconds while the agent heals.
/// Errors: those of connection; `malformed`.
result<json> ask_agent(const context& with, const std::string& command, std::vector<control::argument> arguments,
                       const client::call_options& options = {});
/// stdout; a full disk or a closed pipe is an error, not silence.
result<int> print(const std::string& text);
/// `document` as one line of JSON if asked for, else `text`.
result<int> show(const context& with, const json& document, const std::function<std::string()>& text);

} // namespace glow::cli
