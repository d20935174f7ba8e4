// The command metrics: what every actor of the node counts, and the process itself, as one OpenMetrics document.
#include "actors/control/tree_walk.hpp"
#include "runtime/base/base32.hpp"
#include "runtime/host/process_figures.hpp"

#include <nlohmann/json.hpp>

namespace glow {
namespace {

using measure::exposition;
using measure::family;

constexpr family build{"glow_build", "The agent that runs."};
constexpr family node{"glow_node", "The node that the agent hosts."};
constexpr family uptime{"glow_uptime_seconds", "Time since the agent's start.", "seconds"};
constexpr family resident{"process_resident_memory_bytes", "Memory of the process that is in RAM.", "bytes"};
constexpr family processor{"process_cpu_seconds", "Processor time of the process, user and system.", "seconds"};
constexpr family wakeups{"process_wakeups", "How often a thread of the process went to sleep and was woken."};
constexpr family open_files{"process_open_fds", "File descriptors that are open."};
constexpr family threads{"process_threads", "Threads of the process."};
constexpr family actor_messages{"glow_actor_handled_messages", "Messages that an actor handled since it was started last."};
constexpr family actor_mailbox{"glow_actor_waiting_messages", "Messages in an actor's mailbox."};
constexpr family actor_restarts{"glow_actor_restarts", "How often its supervisor has started an actor again."};
constexpr family actor_uptime{"glow_actor_uptime_seconds", "Time since an actor was started last.", "seconds"};

/// Asks every actor side by side; answers once all have told, or failed to within a second.
struct gathering {
  call_ptr call;
  exposition all;
  std::size_t waiting = 1;
  void arrived() {
    if (--waiting == 0 && !call->ended())
      call->answer({{"content_type", measure::open_metrics_content_type}, {"text", all.text()}});
  }
};

void add_process(const call_ptr& call, exposition& out) {
  auto& parts = call->parts();
  out.info(build, {{"version", parts.version}});
  out.info(node, {{"id", to_string(parts.self)}});
  out.gauge(uptime, {}, std::chrono::duration<double>(call->self()->clock().now() - parts.started).count());
  auto figures = host::read_process_figures();
  if (!figures) return; // a system without /proc tells less
  out.gauge(resident, {}, static_cast<double>(figures->resident_bytes));
  out.counter(processor, {}, figures->processor_seconds);
  out.counter(wakeups, {}, figures->wakeups);
  out.gauge(open_files, {}, static_cast<double>(figures->open_files));
  out.gauge(threads, {}, static_cast<double>(figures->threads));
}

void add_actor(exposition& out, const found_actor& at, metrics_report& told) {
  const measure::labels where{{"actor", at.path}, {"kind", told.stats.name}};
  out.counter(actor_messages, where, told.stats.messages_handled);
  out.gauge(actor_mailbox, where, static_cast<double>(told.stats.mailbox_length));
  out.gauge(actor_uptime, where, static_cast<double>(told.stats.uptime_ms) / 1000);
  out.merge(std::move(told.measured));
}

void metrics(const call_ptr& call) {
  walk_tree(call, [call](tree_walk& walk) {
    auto all = std::make_shared<gathering>();
    all->call = call;
    add_process(call, all->all);
    for (auto& [path, at] : walk.found) {
      all->all.counter(actor_restarts, {{"actor", path}}, at.entry.restarts);
      if (!at.entry.actor) continue;
      ++all->waiting;
      call->self()
        ->request(caf::actor_cast<caf::actor>(at.entry.actor), caf::duration{1s}, get_metrics{})
        .then(
          [all, found = at](metrics_report& told) {
            add_actor(all->all, found, told);
            all->arrived();
          },
          [all](caf::error&) { all->arrived(); });
    }
    all->arrived();
  });
}

constexpr command_entry table[] = {{"metrics", 30s, metrics}};

} // namespace

std::span<const command_entry> metrics_commands() { return table; }

} // namespace glow
