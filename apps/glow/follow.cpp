#include "apps/glow/follow.hpp"

#include "apps/client/signal_watch.hpp"
#include "apps/client/text.hpp"

#include <optional>

namespace glow::cli {
namespace {

using client::printable;
using client::table;
using client::tint;
using clock = std::chrono::steady_clock;

constexpr auto agent_patience = std::chrono::seconds{30};
constexpr auto look_pause_first = std::chrono::milliseconds{30};
constexpr auto look_pause_most = std::chrono::milliseconds{300};
constexpr int interrupted_status = 130; ///< as shells report ^C
constexpr std::size_t failures_shown_max = 10;

/// Asks again and again on one connection, and on a new one when the agent went away.
class job_watcher {
public:
  job_watcher(const context& with, const std::string& id) : with_{with}, id_{id} {}

  /// The job without its steps; nothing while the agent is away.
  /// Errors: the agent stayed away too long, or does not know the job.
  result<std::optional<json>> look() {
    auto seen = ask();
    if (seen) {
      away_since_.reset();
      if (seen->empty()) return error{error_code::not_found, "the agent does not know job " + id_ + " any more: see glow jobs"};
      return std::optional{seen->front()};
    }
    agent_.reset();
    auto code = seen.why().code;
    auto away = code == error_code::stopped || code == error_code::no_agent || code == error_code::timed_out;
    if (!away_since_) away_since_ = clock::now();
    if (!away || clock::now() - *away_since_ > agent_patience) return seen.why();
    return std::optional<json>{};
  }

private:
  result<json> ask() {
    if (!agent_) {
      auto opened = connection::open(with_.home, std::chrono::milliseconds{0});
      if (!opened) return opened.why();
      agent_ = std::move(*opened);
    }
    auto answer = agent_->call("jobs", {{"id", id_}});
    if (!answer) return answer.why();
    return parse_document(*answer);
  }

  const context& with_;
  std::string id_;
  std::optional<connection> agent_;
  std::optional<clock::time_point> away_since_;
};

void show_progress(client::progress_bar& bar, const json& job) {
  auto& steps = job["steps"];
  auto eta = number_of(job, "eta_s");
  auto what = std::to_string(count_of(steps, "running")) + " running";
  if (auto failed = count_of(steps, "failed"); failed > 0) what += ", " + std::to_string(failed) + " failed";
  bar.update(what, count_of(steps, "done") + count_of(steps, "failed"), count_of(steps, "total"), "steps",
             eta >= 0 ? std::optional{eta} : std::nullopt);
}

std::string failures_text(const json& job) {
  std::string out;
  std::size_t shown = 0, more = 0;
  for (auto& each : job.value("each_step", json::array())) {
    if (text_of(each, "state") != "failed") continue;
    if (++shown > failures_shown_max) {
      ++more;
      continue;
    }
    auto input = name_of(each, "input");
    out += "failed: step " + text_of(each, "index") + (input.empty() ? "" : " (" + printable(input) + ")");
    if (auto node = text_of(each, "node"); !node.empty()) out += " on " + printable(node);
    auto why = text_of(each, "why");
    if (why.empty()) why = "exit status " + text_of(each, "exit_status");
    out += ": " + client::printable_line(why) + "\n";
  }
  if (more > 0) out += "… and " + std::to_string(more) + " more: glow job " + text_of(job, "id") + "\n";
  return out;
}

result<int> show_outcome(const context& with, const std::string& id) {
  auto job = ask_agent(with, "job", {{"id", id}});
  if (!job) return job.why();
  auto& steps = (*job)["steps"];
  auto failed = count_of(steps, "failed");
  auto good = text_of(*job, "state") == "done" && failed == 0;
  auto shown = show(with, *job, [&] {
    return failures_text(*job) + "job " + id + " is " + text_of(*job, "state") + ": " + text_of(steps, "done") + " of "
           + text_of(steps, "total") + " steps done" + (failed > 0 ? ", " + std::to_string(failed) + " failed" : "")
           + "; outputs are in " + printable(name_of(*job, "out")) + "\n";
  });
  if (!shown) return shown;
  return good ? 0 : 1;
}

} // namespace

result<int> follow_job(const context& with, const std::string& id) {
  client::progress_bar bar{with.err};
  client::signal_watch interrupts{SIGINT};
  job_watcher watcher{with, id};
  auto pause = look_pause_first;
  while (true) {
    auto job = watcher.look();
    if (!job) {
      auto why = job.why();
      return error{why.code, why.message + "; follow the job again with: glow job " + id + " --follow"};
    }
    if (*job) {
      show_progress(bar, **job);
      if (text_of(**job, "state") != "running") break;
    }
    if (interrupts.within(pause) != 0) {
      bar.clear();
      std::fprintf(stderr, "glow: detached; the job goes on: glow job %s --follow shows it, glow cancel %s stops it\n",
                   id.c_str(), id.c_str());
      return interrupted_status;
    }
    pause = std::min(pause * 3 / 2, look_pause_most);
  }
  bar.clear();
  return show_outcome(with, id);
}

std::string job_text(const context& with, const json& job) {
  auto& steps = job["steps"];
  auto out = "job " + text_of(job, "id") + ": " + text_of(job, "state") + ", " + text_of(steps, "done") + " of "
             + text_of(steps, "total") + " steps done, " + text_of(steps, "failed") + " failed, " + text_of(steps, "running")
             + " running\ncommand: " + printable(text_of(job, "command")) + "\noutputs: " + printable(name_of(job, "out")) + "\n";
  table rows{
    {{"STEP", true}, {"STATE"}, {"NODE"}, {"TRIES", true}, {"STATUS", true}, {"INPUT", false, true}, {"WHY", false, true}}};
  for (auto& each : job.value("each_step", json::array())) {
    auto state = text_of(each, "state");
    auto status = text_of(each, "exit_status");
    auto node = text_of(each, "node");
    rows.add({text_of(each, "index"),
              {state, state == "done"     ? tint::good
                      : state == "failed" ? tint::bad
                                          : tint::plain},
              node.empty() ? "-" : printable(node),
              text_of(each, "attempts"),
              status.empty() ? "-" : status,
              printable(name_of(each, "input")),
              client::printable_line(text_of(each, "why"))});
  }
  return rows.empty() ? out : out + rows.render(with.out);
}

} // namespace glow::cli
