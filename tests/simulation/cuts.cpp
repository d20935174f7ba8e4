#include "tests/simulation/cuts.hpp"

#include "actors/contracts/endpoint.hpp"
#include "actors/router/router.hpp"
#include "tests/simulation/outside.hpp"
#include "tests/simulation/simulated_mesh.hpp"
#include "tests/simulation/simulation.hpp"
#include "tests/simulation/stream_checker.hpp"

#include <caf/send.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace glow::simulation {
namespace {

constexpr std::size_t here = 0, there = 1, first_relay = 2;
constexpr std::size_t links_of_each = 2;
constexpr std::uint64_t number = 1;
const std::string service = "bytes";

constexpr duration write_pause = 10ms;
constexpr std::size_t piece_bytes = 4000;
/// Shorter ones are those between two pieces.
constexpr duration silence_min = 3 * write_pause;
/// A cut lasts so long: an outage that is as long is not over.
constexpr duration cut_time = 3s;
/// Both paths are back within this after a cut; and then some time until the next one.
constexpr duration return_patience = 60s;
constexpr duration look_pause = 50ms;
constexpr duration rest_min = 300ms, rest_more = 2s;
constexpr duration end_patience = 60s;

class cut_run {
public:
  cut_run(const cut_options& options, const topology& plan)
    : options_{options}, random_{options.seed ^ 0x63757473ULL}, mesh_{options.seed, plan},
      checker_{violations_, to_bytes(std::string_view{"the plaintext of a payload"})} {
    mesh_.runs().on_turn([] { outside::enter(); });
  }

  cut_report go() {
    const auto real_start = outside::real_seconds();
    try {
      phases();
    } catch (const std::exception& broken) {
      violations_.add(mesh_.runs().elapsed(), broken.what());
    }
    outside::leave();
    for (auto& each : report_.outages_ms) std::sort(each.begin(), each.end());
    report_.bytes = checker_.bytes_received();
    report_.event_hash = mesh_.runs().hash().value();
    report_.events = mesh_.runs().events();
    report_.virtual_s = to_ms(mesh_.runs().elapsed()) / 1000;
    mesh_.take_down();
    report_.violations = violations_.all();
    report_.real_s = outside::real_seconds() - real_start;
    return report_;
  }

private:
  void trace(const std::string& what) {
    if (options_.trace) options_.trace(fmt::format("{:9.3f} s  {}", to_ms(mesh_.runs().elapsed()) / 1000, what));
  }

  void phases() {
    mesh_.start_all();
    if (!wait_for_both_paths()) return;
    open();
    write_always();
    for (std::size_t i = 0; i < options_.cuts; ++i) {
      mesh_.runs().run_for(rest_min + some(rest_more));
      if (!cut(static_cast<cut_kind>(i % cut_kinds)) || !wait_for_both_paths()) return;
    }
    writing_ = false;
    mesh_.runs().run_for(end_patience, [this] { return checker_.all_over(); });
    checker_.judge(mesh_.runs().elapsed());
  }

  // ---- the stream ------------------------------------------------------------------------------------------------

  /// One program on each of the two: what it is told goes to the checker.
  caf::actor program_on(std::size_t node, stream_side side) {
    caf::actor made;
    mesh_.runs().act_for(static_cast<owner_number>(node), [&] {
      made = mesh_.runs().system().spawn([this, node, side](caf::event_based_actor* self) -> caf::behavior {
        auto endpoint = mesh_.at(node).parts.endpoint;
        auto when = [this] { return mesh_.runs().elapsed(); };
        return {
          [self](const driver_work& m) { m.work(self); },
          [](const streams_served&) {},
          [=, this](const incoming_stream& m) {
            checker_.on_incoming(number, node, mesh_.number_of(m.from), endpoint.id(), when());
            checker_.on_written(number, side, 0, true);
            self->send(endpoint, write_stream{m.id, {}, true});
          },
          [=, this](const stream_received& m) {
            for (auto& each : m.bytes.packets()) checker_.on_received(number, side, each, false, when());
            if (m.end) checker_.on_received(number, side, {}, true, when());
            if (side == stream_side::acceptor && !m.bytes.empty()) arrivals_.push_back(when());
            self->send(endpoint, consume_stream{m.id, m.bytes.size_bytes()});
          },
          [this](const stream_writable& m) { writable_ += m.bytes; },
          [=, this](const stream_ended& m) { checker_.on_ended(number, side, m.why, when()); },
        };
      });
    });
    return made;
  }

  void open() {
    auto reader = program_on(there, stream_side::acceptor), writer = program_on(here, stream_side::opener);
    caf::anon_send(mesh_.at(there).parts.endpoint, serve_streams{service, caf::actor_cast<caf::strong_actor_ptr>(reader)});
    mesh_.runs().run_for(1s);
    auto endpoint = mesh_.at(here).parts.endpoint;
    checker_.on_opened(number, {here, there, endpoint.id(), true});
    caf::anon_send(writer, driver_work{[=, this](caf::event_based_actor* self) {
                     open_stream question;
                     question.to = mesh_.id_of(there);
                     question.terms.service = service;
                     question.owner = caf::actor_cast<caf::strong_actor_ptr>(self);
                     self->request(endpoint, 10s, question)
                       .then([this](const stream_opened& m) { stream_ = m.id, writable_ += m.writable; },
                             [this](const caf::error&) { violations_.add(mesh_.runs().elapsed(), "no stream was opened"); });
                   }});
    programs_ = {reader, writer};
  }

  void write_always() {
    const auto bytes = std::min(piece_bytes, writable_);
    if (stream_ != 0 && (bytes > 0 || !writing_)) {
      auto content = checker_.content(number, stream_side::opener, written_, bytes);
      checker_.on_written(number, stream_side::opener, bytes, !writing_);
      written_ += bytes, writable_ -= bytes;
      caf::anon_send(mesh_.at(here).parts.endpoint,
                     write_stream{stream_, bytes == 0 ? packet_batch{} : packet_batch::of(std::move(content)), !writing_});
      if (!writing_) return;
    }
    mesh_.runs().after(write_pause, [this] { write_always(); });
  }

  // ---- the paths -------------------------------------------------------------------------------------------------

  const route::router_machine* router_of(std::size_t node) {
    auto* state = mesh_.at(node).is_up() ? simulated_mesh::state_of<router_self>(mesh_.at(node).parts.router) : nullptr;
    return state != nullptr && state->machine ? &*state->machine : nullptr;
  }

  bool both_paths() {
    for (std::size_t i = 0; i < mesh_.size(); ++i)
      if (auto* router = router_of(i);
          router == nullptr || router->links() < links_of_each
          || !router->best_way(mesh_.id_of(i == there ? here : there), route::metric_class::interactive))
        return false;
    return true;
  }

  bool wait_for_both_paths() {
    for (auto waited = 0ns; waited < return_patience; waited += look_pause) {
      if (both_paths()) return true;
      mesh_.runs().run_for(look_pause);
    }
    violations_.add(mesh_.runs().elapsed(), "the path that was cut has not come back within 60 s");
    return false;
  }

  /// The cable between two machines.
  std::size_t cable_of(std::size_t a, std::size_t b) {
    for (std::size_t i = 0;; ++i)
      if (std::minmax<std::size_t>(mesh_.wires().end_of(i, 0), mesh_.wires().end_of(i, 1)) == std::minmax(a, b)) return i;
  }

  bool cut(cut_kind kind) {
    auto way = router_of(here)->best_way(mesh_.id_of(there), route::metric_class::interactive);
    if (!way) return violations_.add(mesh_.runs().elapsed(), "there is no way before the cut"), false;
    const auto relay = mesh_.number_of(way->via);
    const bool near = random_.next_below(2) == 0;
    const auto cable = cable_of(near ? here : there, relay);
    arrivals_.clear();
    const auto cut_at = mesh_.runs().elapsed();
    trace(fmt::format("cut: {} of {}{}", name_of(kind), mesh_.at(relay).name,
                      kind == cut_kind::relay ? ""
                      : near                  ? ", near"
                                              : ", far"));
    switch (kind) {
    case cut_kind::carrier: mesh_.wires().break_carrier(cable); break;
    case cut_kind::blackhole: mesh_.wires().cut_both(cable, true); break;
    case cut_kind::relay: mesh_.crash(relay); break;
    }
    run_out(cut_at);
    const auto outage = outage_since(cut_at);
    report_.outages_ms[static_cast<std::size_t>(kind)].push_back(to_ms(outage));
    trace(fmt::format("bytes flow again after {:.1f} ms", to_ms(outage)));
    if (outage > cut_limit(kind))
      violations_.add(mesh_.runs().elapsed(),
                      fmt::format("{} ({}): bytes flow again after {:.0f} ms, {:.0f} ms are allowed", name_of(kind),
                                  near ? "near" : "far", to_ms(outage), to_ms(cut_limit(kind))));
    mesh_.wires().cut_both(cable, false);
    mesh_.start(relay);
    return true;
  }

  /// Until the cut is over; says on the way when the routes of both ends change, and of each silence.
  void run_out(duration cut_at) {
    if (!options_.trace) return mesh_.runs().run_for(cut_time);
    std::array<std::string, 2> was;
    auto seen = cut_at;
    while (mesh_.runs().elapsed() < cut_at + cut_time) {
      mesh_.runs().run_for(1ms);
      for (auto end : {here, there}) {
        auto* router = router_of(end);
        auto way = router ? router->best_way(mesh_.id_of(1 - end), route::metric_class::interactive) : std::nullopt;
        auto via = way ? mesh_.at(mesh_.number_of(way->via)).name : "nothing";
        if (via != std::exchange(was[end], via)) trace(fmt::format("  {} goes over {}", mesh_.at(end).name, via));
      }
      if (arrivals_.empty() || arrivals_.back() == seen) continue;
      if (arrivals_.back() - seen > silence_min)
        trace(fmt::format("  bytes after a silence of {:.0f} ms", to_ms(arrivals_.back() - seen)));
      seen = arrivals_.back();
    }
  }

  /// From the cut to the end of the last silence: what was under way beyond the cut arrives still before it.
  duration outage_since(duration cut_at) {
    arrivals_.push_back(cut_at + cut_time);
    auto last = cut_at;
    duration longest{}, ended{};
    for (auto each : arrivals_) {
      longest = std::max(longest, each - last);
      if (each - last > silence_min) ended = each - cut_at;
      last = each;
    }
    return std::max(longest, ended);
  }

  duration some(duration most) { return duration{static_cast<std::int64_t>(random_.next_below(std::uint64_t(most.count())))}; }

  cut_options options_;
  seeded_random random_;
  violation_list violations_;
  simulated_mesh mesh_;
  stream_checker checker_;
  cut_report report_;
  std::vector<caf::actor> programs_;
  std::vector<duration> arrivals_; ///< since the last cut
  stream_id stream_ = 0;
  std::size_t writable_ = 0;
  std::uint64_t written_ = 0;
  bool writing_ = true;
};

} // namespace

const char* name_of(cut_kind kind) {
  switch (kind) {
  case cut_kind::carrier: return "carrier lost";
  case cut_kind::blackhole: return "blackhole";
  case cut_kind::relay: return "relay killed";
  }
  return "";
}

result<cut_report> simulate_cuts(const cut_options& options) {
  if (!find_profile(options.medium)) return error{error_code::usage, "no medium '" + options.medium + "'"};
  topology plan{{"a", "b", "relay1", "relay2"}, {}, {}};
  for (std::uint32_t end : {0u, 1u})
    for (std::uint32_t relay : {2u, 3u}) plan.cables.push_back({end, relay, options.medium});
  outside::seed(options.seed);
  outside::remember_signatures();
  auto report = cut_run{options, plan}.go();
  outside::leave();
  if (auto influence = outside_influence(); !influence.empty())
    report.violations.push_back("the outside world came in: " + influence);
  return report;
}

} // namespace glow::simulation
