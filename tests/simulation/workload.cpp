#include "tests/simulation/workload.hpp"

#include <caf/send.hpp>
#include <fmt/format.h>

#include <cmath>

namespace glow::simulation {
namespace {

constexpr auto probe_method = static_cast<request_method>(4000); // no service of the product has it
constexpr std::size_t probe_bytes_max = 40'000;
constexpr std::size_t file_bytes_max = 120'000;
/// In a larger mesh there is less of everything, and smaller: what one put or job says goes to everybody, and a packet over many
/// hops.
constexpr std::size_t small_mesh = 10;
constexpr std::size_t job_steps = 4;
constexpr std::size_t letter_bytes_max = 20'000;
constexpr std::size_t stream_bytes_max = 150'000;
constexpr duration request_patience = 20s;
constexpr duration final_patience = 4min; // everybody reads everything at once, over the slowest cables, too

constexpr std::size_t final_reads_max = 50;

digest digest_of(byte_view bytes) { return identity::hash_of("simulation content", {bytes}); }

/// Serves probes: tells the checker, and sends the body back.
service_actor::behavior_type probe_behavior(service_actor::pointer, std::function<void(const incoming_request&)> told) {
  return {[told](const incoming_request& m) {
    told(m);
    return response{m.body};
  }};
}

} // namespace

workload::workload(simulated_mesh& mesh, std::uint64_t seed, violation_list& violations)
  : mesh_{mesh}, random_{seed ^ 0x776f726bULL}, deliveries_{violations},
    plaintext_{violations, to_bytes(std::string_view{"the plaintext of a payload"})}, objects_{violations}, replicas_{violations},
    job_check_{violations}, mail_{violations}, streams_{mesh, seed, violations, plaintext_.marker()} {
  mesh_.on_parts([this](std::size_t node) { serve_on(node); });
}

void workload::begin() {
  working_ = true;
  auto nodes = static_cast<double>(mesh_.size());
  auto per_node = [&](double seconds) { return duration{static_cast<std::int64_t>(seconds * 1e9 / nodes)}; };
  const bool large = mesh_.size() > small_mesh;
  repeat(large ? 5s : std::max<duration>(per_node(10), 1s), &workload::send_request_somewhere);
  repeat(large ? 60s : std::max<duration>(per_node(60), 10s), &workload::put_something);
  repeat(large ? 60s : std::max<duration>(per_node(60), 10s), &workload::read_something);
  repeat(large ? 10min : 90s, &workload::submit_job);
  repeat(large ? 10s : std::max<duration>(per_node(15), 2s), &workload::send_letter_somewhere);
  repeat(large ? 15s : std::max<duration>(per_node(20), 3s), &workload::take_letter_somewhere);
  repeat(large ? 10s : std::max<duration>(per_node(20), 3s), &workload::open_stream_somewhere);
}

void workload::repeat(duration mean, void (workload::*what)()) {
  auto pause = duration{static_cast<std::int64_t>(-std::log(1 - random_.next_unit()) * static_cast<double>(mean.count()))};
  mesh_.runs().after(pause, [this, mean, what] {
    if (!working_) return;
    (this->*what)();
    repeat(mean, what);
  });
}

std::optional<std::size_t> workload::some_node_up() {
  for (int i = 0; i < 8; ++i)
    if (auto node = random_.next_below(mesh_.size()); mesh_.at(node).is_awake() && mesh_.at(node).parts.jobs) return node;
  return std::nullopt;
}

std::size_t workload::scaled(std::size_t bytes_max) const { return bytes_max * small_mesh / std::max(mesh_.size(), small_mesh); }

/// Random bytes, with the marker in every kilobyte: incompressible, and found wherever it leaks.
byte_string workload::some_content(std::size_t bytes_max) {
  byte_string out(random_.next_below(bytes_max) + plaintext_.marker().size());
  random_.fill(out);
  for (std::size_t at = 0; at + plaintext_.marker().size() <= out.size(); at += 1024)
    std::copy(plaintext_.marker().begin(), plaintext_.marker().end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  return out;
}

void workload::serve_on(std::size_t node) {
  streams_.serve_on(node);
  auto& parts = mesh_.at(node).parts;
  if (!parts.endpoint || parts.endpoint.id() == served_lives_[node]) return;
  auto life = served_lives_[node] = parts.endpoint.id();
  auto told = [this, node, life](const incoming_request& m) {
    if (m.body.size() < 8) return;
    auto number = read_le<std::uint64_t>(m.body.data());
    deliveries_.on_served(number, node, mesh_.number_of(m.from), digest_of(m.body), life, mesh_.runs().elapsed());
  };
  auto service = mesh_.runs().system().spawn(probe_behavior, std::function<void(const incoming_request&)>{told});
  caf::anon_send(parts.endpoint, register_service{{probe_method}, service});
  // it ends with its endpoint
  parts.endpoint->attach_functor([service](const caf::error&) { caf::anon_send_exit(service, caf::exit_reason::kill); });
}

void workload::send_request_somewhere() {
  auto from = some_node_up();
  auto to = random_.next_below(mesh_.size());
  if (!from || *from == to) return;
  auto number = ++last_number_;
  byte_string body;
  append_le(body, number);
  append(body, some_content(scaled(scaled(probe_bytes_max))));
  deliveries_.on_sent(number, {*from, to, digest_of(body)});
  auto failed = [this, number](const error&) { deliveries_.on_failed(number); };
  mesh_.ask<response>(
    mesh_.at(*from).parts.endpoint, request_patience + 10s,
    send_request{mesh_.id_of(to), probe_method, std::move(body), request_patience},
    [this, number](response& answer) { deliveries_.on_answered(number, digest_of(answer.body), mesh_.runs().elapsed()); },
    failed);
}

/// To anybody, to those that are down or asleep, too.
void workload::open_stream_somewhere() {
  if (auto from = some_node_up())
    streams_.open_stream_from(*from, random_.next_below(mesh_.size()), scaled(scaled(stream_bytes_max)));
}

void workload::judge_streams(duration patience) {
  if (!streams_.checker().all_over() && patience > 0ns)
    return mesh_.runs().after(1s, [this, patience] { judge_streams(patience - 1s); });
  streams_.checker().judge(mesh_.runs().elapsed());
  --outstanding_;
}

void workload::put(std::size_t at, const std::string& path, byte_string content, std::function<void()> acknowledged) {
  auto store = mesh_.at(at).parts.store;
  auto hash = digest_of(content);
  auto held = std::make_shared<byte_string>(std::move(content));
  mesh_.ask<upload_opened>(store, 30s, open_upload{path}, [=, this](upload_opened& opened) {
    auto upload = opened.upload;
    mesh_.ask<upload_written>(store, 30s, write_upload{upload, std::move(*held)}, [=, this](upload_written&) {
      mesh_.ask<put_done>(store, 30s, close_upload{upload, true}, [=, this](put_done&) {
        objects_.on_acknowledged(path, hash, at);
        if (acknowledged) acknowledged();
      });
    });
  });
}

void workload::put_something() {
  if (auto at = some_node_up()) put(*at, fmt::format("/files/f{}", ++last_number_), some_content(scaled(file_bytes_max)));
}

void workload::read(std::size_t at, const std::string& path, duration patience, std::function<void(result<byte_string>)> then) {
  mesh_.ask<path_bytes>(
    mesh_.at(at).parts.store, patience + 40s, read_path{path, 0, file_bytes_max + 100, patience},
    [then](path_bytes& got) { then(std::move(got.bytes)); }, [then](const error& why) { then(why); });
}

void workload::read_something() {
  auto at = some_node_up();
  auto& known = objects_.acknowledged();
  if (!at || known.empty()) return;
  auto path = std::next(known.begin(), static_cast<std::ptrdiff_t>(random_.next_below(known.size())))->first;
  read(*at, path, request_patience, [this, path, at](const result<byte_string>& got) {
    if (got) objects_.on_read(path, *at, digest_of(*got), mesh_.runs().elapsed());
  });
}

/// A few inputs, then one step for each of them.
void workload::submit_job() {
  auto at = some_node_up();
  if (!at) return;
  auto name = fmt::format("job{}", ++last_number_);
  auto left = std::make_shared<std::size_t>(job_steps);
  for (std::size_t i = 0; i < job_steps; ++i)
    put(*at, fmt::format("/in/{}/i{}", name, i), some_content(2000), [this, left, name, node = *at] {
      if (--*left > 0 || !mesh_.at(node).is_up()) return;
      job_spec spec;
      spec.command = {"work", "{}"};
      spec.each = "/in/" + name;
      spec.out = "/out/" + name;
      spec.retries = 100;
      mesh_.ask<job_submitted>(mesh_.at(node).parts.jobs, 30s, glow::submit_job{std::move(spec)},
                               [this, node, name](job_submitted& m) {
                                 jobs_submitted_.push_back({m.id, node, m.steps, "/out/" + name});
                               });
    });
}

/// To anybody, above all to those that are down or asleep.
void workload::send_letter_somewhere() {
  auto from = some_node_up();
  auto to = random_.next_below(mesh_.size());
  if (!from || !mesh_.at(*from).parts.mail) return;
  auto number = ++last_number_;
  byte_string body;
  append_le(body, number);
  append(body, some_content(scaled(scaled(letter_bytes_max))));
  mail_.on_sent(number, to, digest_of(body));
  mesh_.ask<letter_sent>(mesh_.at(*from).parts.mail, 30s, send_letter{mesh_.id_of(to), "box", std::move(body), 24h},
                         [this, number](letter_sent&) { mail_.on_acknowledged(number); });
}

void workload::take_letter_somewhere() {
  auto at = some_node_up();
  if (at && mesh_.at(*at).parts.mail) take_letter(*at, [](bool) {});
}

void workload::take_letter(std::size_t at, std::function<void(bool more)> then) {
  auto mail = mesh_.at(at).parts.mail;
  auto lease = ++last_number_;
  mesh_.ask<message_taken>(
    mail, 30s, take_message{"box", lease, 0s},
    [=, this](message_taken& taken) {
      auto number = taken.body.size() < 8 ? 0 : read_le<std::uint64_t>(taken.body.data());
      mail_.on_taken(number, at, digest_of(taken.body), mesh_.runs().elapsed());
      mesh_.ask<take_ended>(
        mail, 30s, end_take{lease, true},
        [=, this](take_ended&) {
          mail_.on_removed(number, mesh_.runs().elapsed());
          then(true);
        },
        [=, this](const error&) {
          mail_.on_maybe_removed(number);
          then(true);
        });
    },
    [=, this](const error& why) {
      // it may have been too slow to answer: whatever it then holds out is nobody's
      mesh_.ask<take_ended>(mail, 30s, end_take{lease, false}, [](take_ended&) {});
      then(why.code != error_code::not_found);
    });
}

void workload::empty_box(std::size_t at) {
  take_letter(at, [this, at](bool more) {
    if (more) return mesh_.runs().after(100ms, [this, at] { empty_box(at); });
    --outstanding_;
    if (--boxes_left_ == 0) mail_.judge(mesh_.runs().elapsed());
  });
}

void workload::check_jobs() {
  for (auto& each : jobs_submitted_) {
    outstanding_ += 1;
    auto when = [this] { return mesh_.runs().elapsed(); };
    mesh_.ask<job_info>(
      mesh_.at(each.at).parts.jobs, final_patience, get_job{each.id},
      [this, when, each](job_info& now) {
        job_check_.on_ended(each.id, now.state, each.steps, now.steps.done, when());
        --outstanding_;
      },
      [this, when, each](const error& why) {
        job_check_.on_ended(each.id, "gone: " + why.message, each.steps, 0, when());
        --outstanding_;
      });
    for (std::uint64_t i = 0; i < each.steps; ++i) {
      auto path = fmt::format("{}/i{}.stdout", each.out, i);
      outstanding_ += 1;
      mesh_.ask<path_log>(
        mesh_.at(each.at).parts.store, final_patience, log_path{path},
        [this, when, path](path_log& log) {
          job_check_.on_output(path, log.versions.size(), when());
          --outstanding_;
        },
        [this, when, path](const error&) {
          job_check_.on_output(path, 0, when());
          --outstanding_;
        });
    }
  }
}

void workload::check_all() {
  check_jobs();
  ++outstanding_;
  streams_.finish();
  judge_streams(final_patience);
  boxes_left_ = mesh_.size();
  outstanding_ += boxes_left_;
  for (std::size_t at = 0; at < mesh_.size(); ++at) empty_box(at);
  for (std::size_t at = 0; at < mesh_.size(); ++at) {
    ++outstanding_;
    mesh_.ask<path_list>(
      mesh_.at(at).parts.store, final_patience, list_path{"/", true},
      [this, at](path_list& list) {
        std::string text;
        for (auto& each : list.entries) text += fmt::format("{} {} {} {}\n", each.kind, each.name, each.size, each.version);
        replicas_.on_listing(at, text, mesh_.runs().elapsed());
        --outstanding_;
      },
      [this, at](const error& why) {
        if (why.code != error_code::not_found || !objects_.acknowledged().empty())
          replicas_.on_no_listing(at, why.message, mesh_.runs().elapsed());
        --outstanding_;
      });
    // the whole mesh reads everything while it is small; of a large one a sample: the cost is the product of both
    auto step = std::max<std::size_t>(1, objects_.acknowledged().size() * mesh_.size() / final_reads_max);
    std::size_t number = at;
    for (auto& [path, unused] : objects_.acknowledged()) {
      if (++number % step != 0) continue;
      ++outstanding_;
      read(at, path, final_patience, [this, path = path, at](const result<byte_string>& got) {
        auto hash = got ? digest_of(*got) : digest{};
        objects_.on_final_read(path, at, got ? &hash : nullptr, got ? "" : got.why().message, mesh_.runs().elapsed());
        --outstanding_;
      });
    }
  }
}

} // namespace glow::simulation
