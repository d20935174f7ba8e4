// run jobs job cancel: batches spread over the mesh.
#include "apps/client/home.hpp"
#include "apps/client/text.hpp"
#include "apps/glow/follow.hpp"
#include "apps/glow/transfer.hpp"

#include <charconv>

namespace glow::cli {
namespace {

using client::printable;
using client::table;
using client::tint;

struct run_flags {
  std::vector<std::string> each;
  std::string out;
  std::string needs;
  std::string step_timeout = "1h";
  unsigned retries = 3;
  bool detach = false;
};

/// The command after the dashes never reaches CLI11, which hence cannot show it.
class run_formatter final : public CLI::Formatter {
public:
  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: glow run [OPTIONS] -- CMD [ARG...]\n"; }
};

/// `cpu=2` as the number of processors. Errors: `usage`.
result<std::string> cpus_of(const std::string& needs) {
  if (needs.empty()) return std::string{"1"};
  unsigned cpus = 0;
  std::string_view text = needs;
  if (text.starts_with("cpu=")) text.remove_prefix(4);
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), cpus);
  if (text.size() == needs.size() || wrong != std::errc{} || end != text.data() + text.size() || cpus == 0)
    return error{error_code::usage, "--needs '" + needs + "': write cpu=N, such as --needs cpu=2"};
  return std::to_string(cpus);
}

result<std::vector<control::argument>> run_arguments(const context& with, const run_flags& flags) {
  auto cpus = cpus_of(flags.needs);
  auto step = client::parse_duration(flags.step_timeout);
  if (!cpus) return cpus.why();
  if (!step) return step.why();
  std::vector<control::argument> out{
    {"cpus", *cpus}, {"retries", std::to_string(flags.retries)}, {"step_timeout_s", std::to_string(step->count())}};
  if (!flags.out.empty()) {
    auto path = client::namespace_path(flags.out);
    if (!path) return path.why();
    out.push_back({"out", *path});
  }
  for (auto& each : with.after_dashes) out.push_back({"arg", each});
  if (flags.each.empty()) return out;
  auto inputs = staged_inputs(with, flags.each); // last: nothing is put before the rest is known to be right
  if (!inputs) return inputs.why();
  out.push_back({"each", *inputs});
  return out;
}

result<int> run(const context& with, const run_flags& flags) {
  if (!with.has_dashes || with.after_dashes.empty())
    return error{error_code::usage,
                 "run: write the command after --, such as: glow run --each /docs -- wc -c {} (see: glow run --help)"};
  auto arguments = run_arguments(with, flags);
  if (!arguments) return arguments.why();
  client::call_options options;
  options.patience = std::chrono::minutes{3};
  auto job = ask_agent(with, "run", std::move(*arguments), options);
  if (!job) return job.why();
  auto id = text_of(*job, "id");
  if (flags.detach)
    return show(with, *job, [&] {
      if (!with.out.interactive) return id + "\n"; // scripts want nothing else
      return "job " + id + ", " + text_of(*job, "steps") + " steps: glow job " + id + " --follow shows it, glow cancel " + id
             + " stops it\n";
    });
  return follow_job(with, id);
}

std::string jobs_text(const context& with, const json& d) {
  table out{{{"ID"},
             {"STATE"},
             {"STEPS", true},
             {"DONE", true},
             {"FAILED", true},
             {"RUNNING", true},
             {"LEFT", true},
             {"SUBMITTED"},
             {"COMMAND", false, true}}};
  for (auto& each : d) {
    auto& steps = each["steps"];
    auto state = text_of(each, "state");
    out.add({text_of(each, "id"),
             {state, state == "done"      ? tint::good
                     : state == "running" ? tint::plain
                                          : tint::bad},
             text_of(steps, "total"),
             text_of(steps, "done"),
             text_of(steps, "failed"),
             text_of(steps, "running"),
             state == "running" ? client::human_duration(number_of(each, "eta_s")) : "-",
             text_of(each, "submitted").substr(0, 16),
             printable(text_of(each, "command"))});
  }
  return out.empty() ? "no jobs: glow run -- CMD starts one\n" : out.render(with.out);
}

result<int> show_job(const context& with, const std::string& id, bool follow) {
  auto job = ask_agent(with, "job", {{"id", id}});
  if (!job) return job.why();
  if (follow) return follow_job(with, text_of(*job, "id"));
  return show(with, *job, [&] { return job_text(with, *job); });
}

void add_run(CLI::App& app, context& with) {
  auto flags = std::make_shared<run_flags>();
  auto* command = add_command(
    app, "run", "Run a command on the nodes of the mesh, once or once per input",
    "--each FILES: one step per file. Local files, globs and directories are put under /jobs/in first; a path of the namespace\n"
    "is used as it is (a local file of that name wins: glow://~/PATH is always the namespace). In the command {} is the step's\n"
    "input and {/} its base name. What a step writes into its working directory, and its output, is collected under --out.\n"
    "The job goes on without this program: ^C stops following it, no more. A step whose node dies is run elsewhere.\n"
    "Status 0 only if every step succeeded.",
    "  glow run --each 'src/*.c' -- wc -l {}\n  glow run --each /photos --out /small -- convert {} -resize 50% {/}\n"
    "  glow run --detach -- make -C /build all");
  command->formatter(std::make_shared<run_formatter>());
  command->add_option("--each", flags->each, "The inputs: a glob, files, a directory, or a path of the namespace");
  command->add_option("--out", flags->out, "Where outputs go in the namespace (default: /jobs/ID)");
  command->add_option("--needs", flags->needs, "What a step needs: cpu=N");
  command->add_option("--retries", flags->retries, "Attempts after the first, when a node dies")
    ->check(CLI::Range(0u, 1000u))
    ->capture_default_str();
  command->add_option("--step-timeout", flags->step_timeout, "A step that runs longer has failed")->capture_default_str();
  command->add_flag("--detach", flags->detach, "Print the job's id and do not follow it");
  command->callback([=, &with] { with.action = [=, &with] { return run(with, *flags); }; });
}

} // namespace

void add_job_commands(CLI::App& app, context& with) {
  add_run(app, with);
  auto* list = add_command(app, "jobs", "List the jobs that this node coordinates", "", "  glow jobs\n  glow jobs --json");
  list->callback([&with] {
    with.action = [&with]() -> result<int> {
      auto document = ask_agent(with, "jobs", {});
      if (!document) return document.why();
      return show(with, *document, [&] { return jobs_text(with, *document); });
    };
  });
  auto id = std::make_shared<std::string>();
  auto follow = std::make_shared<bool>(false);
  auto* one = add_command(app, "job", "Show a job and its steps", "With --follow, status 0 only if every step succeeded.",
                          "  glow job abc123\n  glow job abc123 --follow");
  one->add_option("ID", *id, "Its id in glow jobs, or a unique beginning of it")->required();
  one->add_flag("--follow", *follow, "Stay until it has ended");
  one->callback([=, &with] { with.action = [=, &with] { return show_job(with, *id, *follow); }; });
  auto* stop = add_command(app, "cancel", "Stop a job", "Steps that are running are stopped; what was collected stays.",
                           "  glow cancel abc123");
  stop->add_option("ID", *id, "Its id in glow jobs, or a unique beginning of it")->required();
  stop->callback([=, &with] {
    with.action = [=, &with]() -> result<int> {
      auto document = ask_agent(with, "cancel", {{"id", *id}});
      if (!document) return document.why();
      return show(with, *document,
                  [&] { return "job " + text_of(*document, "id") + " is " + text_of(*document, "state") + "\n"; });
    };
  });
}

} // namespace glow::cli
