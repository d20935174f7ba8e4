// put get ls cat rm mv log restore: the files of the namespace.
#include "apps/client/home.hpp"
#include "apps/client/text.hpp"
#include "apps/glow/transfer.hpp"

#include <unistd.h>

#include <filesystem>

namespace glow::cli {
namespace {

using client::printable;
using client::table;
using client::tint;

constexpr const char* path_help = "A place in the namespace, such as /docs/a.txt";

std::string plural(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

// ---- put -------------------------------------------------------------------------------------------------------
result<json> put_input(const context& with, const std::string& path) {
  auto bar = std::make_shared<client::progress_bar>(with.err);
  client::call_options options;
  options.on_progress = shown_on(bar);
  options.input_fd = STDIN_FILENO;
  options.patience = transfer_patience;
  return ask_agent(with, "put.stream", {{"path", path}}, options);
}

std::string put_text(const json& d) {
  auto out = "put " + plural(count_of(d, "files"), "file", "files") + ", " + client::human_size(number_of(d, "bytes", 0))
             + ", at " + printable(name_of(d, "path")) + "\n";
  for (auto& each : d.value("skipped", json::array()))
    out += "skipped: " + printable(each.is_string() ? each.get<std::string>() : "") + "\n";
  return out;
}

result<int> put(const context& with, const std::string& source, const std::string& where, bool skip_unreadable) {
  if (source.empty()) return error{error_code::usage, "put: which file? (- reads from the input)"};
  auto path = client::namespace_path(where);
  if (!path) return path.why();
  auto absolute = client::absolute_path(source);
  if (source != "-" && where.ends_with('/'))
    *path = (*path == "/" ? "" : *path) + "/" + client::base_name_without_version(absolute);
  if (*path == "/" && source == "-") return error{error_code::usage, "put -: the input needs a file's name, such as /docs/a.txt"};
  auto document = source == "-" ? put_input(with, *path) : put_local(with, absolute, *path, skip_unreadable);
  if (!document) return document.why();
  return show(with, *document, [&] { return put_text(*document); });
}

// ---- get, cat --------------------------------------------------------------------------------------------------
result<int> cat(const context& with, const std::string& where, const std::string& timeout) {
  auto path = client::namespace_path(where);
  auto limit = client::parse_duration(timeout);
  if (!path) return path.why();
  if (!limit) return limit.why();
  client::call_options options;
  options.on_output = [](byte_view bytes) -> result<void> {
    auto done = print(std::string{as_text(bytes)});
    return done ? result<void>{} : done.why();
  };
  options.patience = *limit + std::chrono::seconds{30};
  auto document = ask_agent(with, "cat", {{"path", *path}, {"timeout_s", std::to_string(limit->count())}}, options);
  return document ? result<int>{0} : document.why();
}

struct get_flags {
  std::string path;
  std::string destination;
  std::string timeout = "30s";
};

/// As cp does it: into a directory that exists, else as that name.
result<std::string> destination_of(const get_flags& flags, const std::string& path) {
  auto name = client::base_name_without_version(path);
  auto target = flags.destination.empty() ? std::string{"."} : flags.destination;
  std::error_code none;
  auto into = std::filesystem::is_directory(target, none);
  if (into && name.empty() && flags.destination.empty())
    return error{error_code::usage, "get /: where to? give a directory, such as glow get / everything"};
  auto out = client::absolute_path(target);
  if (into && !name.empty()) return (out == "/" ? "" : out) + "/" + name;
  return out;
}

result<int> get(const context& with, const get_flags& flags) {
  if (flags.destination == "-") return cat(with, flags.path, flags.timeout);
  auto path = client::namespace_path(flags.path);
  auto limit = client::parse_duration(flags.timeout);
  if (!path) return path.why();
  if (!limit) return limit.why();
  auto destination = destination_of(flags, *path);
  if (!destination) return destination.why();
  auto bar = std::make_shared<client::progress_bar>(with.err);
  client::call_options options;
  options.on_progress = shown_on(bar);
  options.patience = transfer_patience;
  auto document = ask_agent(
    with, "get", {{"path", *path}, {"destination", *destination}, {"timeout_s", std::to_string(limit->count())}}, options);
  bar->clear();
  if (!document) return document.why();
  return show(with, *document, [&] {
    auto out = "got " + plural(count_of(*document, "files"), "file", "files") + ", "
               + client::human_size(number_of(*document, "bytes", 0)) + ", to " + printable(*destination) + "\n";
    for (auto& each : document->value("reported", json::array()))
      out += "note: " + client::printable_line(each.is_string() ? each.get<std::string>() : "") + "\n";
    return out;
  });
}

// ---- ls, log ---------------------------------------------------------------------------------------------------
std::string mode_text(const json& entry) {
  auto kind = text_of(entry, "kind");
  auto mode = count_of(entry, "mode");
  std::string out = kind == "directory" ? "d" : kind == "symlink" ? "l" : "-";
  for (int bit = 8; bit >= 0; --bit) out += (mode >> bit) & 1 ? "rwx"[(8 - bit) % 3] : '-';
  return out;
}

std::string ls_text(const context& with, const json& d, bool lengthy) {
  std::string names;
  table out{{{"MODE"}, {"SIZE", true}, {"MODIFIED"}, {"VERSION", true}, {"COPIES", true}, {"NAME"}}};
  for (auto& each : d) {
    auto kind = text_of(each, "kind");
    auto name = printable(name_of(each, "name")) + (kind == "directory" ? "/" : "");
    if (!lengthy) {
      names += name + "\n";
      continue;
    }
    if (kind == "symlink") name += " -> " + printable(name_of(each, "target"));
    auto file = kind == "file";
    out.add({mode_text(each), file ? client::human_size(number_of(each, "size", 0)) : "-", text_of(each, "mtime").substr(0, 16),
             file ? text_of(each, "version") : "-", file ? text_of(each, "copies") : "-", name});
  }
  return lengthy ? out.render(with.out) : names;
}

std::string log_text(const context& with, const json& d) {
  table out{{{"VERSION", true}, {"TIME"}, {"SIZE", true}, {"DEVICE", false, true}, {"CHANGE"}, {"COMMIT"}}};
  for (auto& each : d)
    out.add({text_of(each, "version"), text_of(each, "time").substr(0, 19), client::human_size(number_of(each, "size", 0)),
             printable(text_of(each, "device")), printable(text_of(each, "change")), text_of(each, "commit").substr(0, 12)});
  return out.render(with.out);
}

/// A command whose arguments are paths of the namespace, by these keys.
result<int> on_paths(const context& with, const std::string& command,
                     const std::vector<std::pair<std::string, std::string>>& paths, bool recursive,
                     const std::function<std::string(const json&)>& text) {
  std::vector<control::argument> arguments;
  for (auto& [key, where] : paths) {
    auto path = client::namespace_path(where);
    if (!path) return path.why();
    arguments.push_back({key, *path});
  }
  if (recursive) arguments.push_back({"recursive", "yes"});
  client::call_options options;
  options.patience = std::chrono::seconds{70};
  auto document = ask_agent(with, command, std::move(arguments), options);
  if (!document) return document.why();
  return show(with, *document, [&] { return text(*document); });
}

// ---- the command line ------------------------------------------------------------------------------------------
void add_put(CLI::App& app, context& with) {
  auto source = std::make_shared<std::string>();
  auto path = std::make_shared<std::string>();
  auto skip = std::make_shared<bool>(false);
  auto* command =
    add_command(app, "put", "Bring a file or a directory into the namespace, as one new version",
                "FILE may be - : the input. A PATH that ends in / keeps the file's name. Older versions stay: glow log.\n"
                "When it is interrupted, the namespace is as it was.",
                "  glow put letter.txt /docs/letter.txt\n  glow put photos /photos\n  tar c src | glow put - /backup/src.tar");
  command->add_option("FILE", *source, "A file or directory of this machine, or -")->required();
  command->add_option("PATH", *path, path_help)->required();
  command->add_flag("--skip-unreadable", *skip, "Leave out files that cannot be read, and say which");
  command->callback([=, &with] { with.action = [=, &with] { return put(with, *source, *path, *skip); }; });
}

void add_get_and_cat(CLI::App& app, context& with) {
  auto flags = std::make_shared<get_flags>();
  auto* command = add_command(
    app, "get", "Bring a file or a directory of the namespace to this machine",
    "Into the working directory, into the directory given, or as the name given. - writes a file to the output.\n"
    "What this device lacks is fetched from whichever node has it; every byte is verified. A file appears whole or not.",
    "  glow get /docs/letter.txt\n  glow get /photos pictures\n  glow get /docs/letter.txt@3 old.txt\n"
    "  glow get /backup/src.tar - | tar t");
  command->add_option("PATH", flags->path, "A place in the namespace; PATH@VERSION for an older one")->required();
  command->add_option("DESTINATION", flags->destination, "A name or directory of this machine, or -");
  command->add_option("--timeout", flags->timeout, "Give up (status 4) when nobody who has the bytes answers for so long")
    ->capture_default_str();
  command->callback([=, &with] { with.action = [=, &with] { return get(with, *flags); }; });

  auto path = std::make_shared<std::string>();
  auto timeout = std::make_shared<std::string>("30s");
  auto* print_it =
    add_command(app, "cat", "Write a file of the namespace to the output", "The bytes as they are, with --json too.",
                "  glow cat /docs/letter.txt\n  glow cat /docs/letter.txt@2026-11-20 | less");
  print_it->add_option("PATH", *path, "A place in the namespace; PATH@VERSION for an older one")->required();
  print_it->add_option("--timeout", *timeout, "Give up (status 4) when nobody who has the bytes answers for so long")
    ->capture_default_str();
  print_it->callback([=, &with] { with.action = [=, &with] { return cat(with, *path, *timeout); }; });
}

void add_ls(CLI::App& app, context& with) {
  struct ls_flags {
    std::string path = "/";
    bool lengthy = false;
    bool recursive = false;
  };
  auto flags = std::make_shared<ls_flags>();
  auto* command = add_command(
    app, "ls", "List a directory of the namespace",
    "Control characters, backslashes and bytes that are no UTF-8 are shown as \\n, \\\\, \\xff; --json has the exact bytes.",
    "  glow ls\n  glow ls -l /docs\n  glow ls -R / --json");
  command->add_option("PATH", flags->path, "A place in the namespace; PATH@VERSION for an older one")->capture_default_str();
  command->add_flag("-l", flags->lengthy, "With mode, size, time, version and number of copies");
  command->add_flag("-R,--recursive", flags->recursive, "With everything below");
  command->callback([=, &with] {
    with.action = [=, &with] {
      return on_paths(with, "ls", {{"path", flags->path}}, flags->recursive,
                      [&](const json& d) { return ls_text(with, d, flags->lengthy); });
    };
  });
}

void add_changes(CLI::App& app, context& with) {
  auto path = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  auto recursive = std::make_shared<bool>(false);
  auto* rm = add_command(app, "rm", "Remove a file, or a directory with -r, from the namespace",
                         "Older versions stay: glow log, glow restore.", "  glow rm /docs/letter.txt\n  glow rm -r /photos");
  rm->add_option("PATH", *path, path_help)->required();
  rm->add_flag("-r,--recursive", *recursive, "A directory with everything below");
  rm->callback([=, &with] {
    with.action = [=, &with] {
      return on_paths(with, "rm", {{"path", *path}}, *recursive,
                      [](const json& d) { return "removed " + plural(count_of(d, "entries"), "entry", "entries") + "\n"; });
    };
  });
  auto* mv = add_command(app, "mv", "Move or rename within the namespace", "", "  glow mv /docs/letter.txt /archive/letter.txt");
  mv->add_option("FROM", *path, path_help)->required();
  mv->add_option("TO", *to, path_help)->required();
  mv->callback([=, &with] {
    with.action = [=, &with] {
      return on_paths(with, "mv", {{"from", *path}, {"to", *to}}, false,
                      [](const json& d) { return "moved to " + printable(name_of(d, "path")) + "\n"; });
    };
  });
  auto* log = add_command(app, "log", "List the versions of a path, newest first", "", "  glow log /docs/letter.txt");
  log->add_option("PATH", *path, path_help)->required();
  log->callback([=, &with] {
    with.action = [=, &with] {
      return on_paths(with, "log", {{"path", *path}}, false, [&](const json& d) { return log_text(with, d); });
    };
  });
  auto* restore =
    add_command(app, "restore", "Make an older version the newest one again", "", "  glow restore /docs/letter.txt@3");
  restore->add_option("PATH@VERSION", *path, "A place in the namespace and one of its versions")->required();
  restore->callback([=, &with] {
    with.action = [=, &with] {
      return on_paths(with, "restore", {{"path", *path}}, false,
                      [&](const json&) { return "restored " + printable(*path) + "\n"; });
    };
  });
}

} // namespace

void add_store_commands(CLI::App& app, context& with) {
  add_put(app, with);
  add_get_and_cat(app, with);
  add_ls(app, with);
  add_changes(app, with);
}

} // namespace glow::cli
