#include "actors/control/command_call.hpp"

#include "actors/control/control.hpp"
#include "runtime/control/limits.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace glow {
namespace {

constexpr duration progress_pause = 100ms;

struct watcher_state : actor_lifecycle {
  static inline const char* name = "glow.control.watcher";
};
using watcher_self = caf::stateful_actor<watcher_state, loop_hosted<progress_actor::base>>*;

/// Gives progress reports, which do not say whose they are, the name of their command.
/// Hears    store: progress     Tells    control: control_progress     Parent  control
progress_actor::behavior_type watcher_behavior(watcher_self self, control_actor control, control_client_id client,
                                               control::command_id command) {
  install_lifecycle(self, caf::actor_cast<caf::strong_actor_ptr>(control));
  return {[=](const progress& made) { self->send(control, control_progress{client, command, made}); }};
}

} // namespace

const node_parts& command_call::parts() const { return self_->state.parts; }

bool command_call::has(std::string_view key) const {
  return std::any_of(start_.arguments.begin(), start_.arguments.end(), [&](auto& each) { return each.key == key; });
}

std::string command_call::text(std::string_view key, std::string otherwise) const {
  for (auto& each : start_.arguments)
    if (each.key == key) return each.value;
  return otherwise;
}

std::vector<std::string> command_call::texts(std::string_view key) const {
  std::vector<std::string> out;
  for (auto& each : start_.arguments)
    if (each.key == key) out.push_back(each.value);
  return out;
}

result<std::uint64_t> command_call::number(std::string_view key, std::uint64_t otherwise, std::uint64_t most) const {
  if (!has(key)) return otherwise;
  auto written = text(key);
  std::uint64_t value = 0;
  auto [end, wrong] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (wrong != std::errc{} || end != written.data() + written.size() || value > most)
    return {error_code::usage,
            "'" + written.substr(0, 40) + "' is no " + std::string{key} + ": a number up to " + std::to_string(most)};
  return value;
}

void command_call::answer(const nlohmann::json& document) {
  if (ended_) return;
  // names may hold bytes that are no UTF-8: the document then has U+FFFD in their place
  auto json = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (json.size() > limits::control_result_bytes_max)
    return fail({error_code::exhausted,
                 "the answer to '" + name() + "' is longer than 64 MiB: ask for less at once, such as one directory"});
  self_->state.socket->send(client_, control::encode_result(start_.id, json));
  end();
}

void command_call::fail(error why) {
  if (ended_) return;
  constexpr std::size_t message_bytes_max = 4096; // an error is one line
  why.message.resize(std::min(why.message.size(), message_bytes_max));
  if (auto bytes = encode(control::answer{control::command_failed{start_.id, std::move(why)}}))
    self_->state.socket->send(client_, std::move(*bytes));
  end();
}

void command_call::give_up(error why) {
  if (ended_) return;
  auto undo = std::move(undo_);
  undo_ = nullptr;
  fail(std::move(why));
  if (undo) undo();
}

void command_call::forget() {
  ended_ = true;
  next_output_ = nullptr;
  take_input_ = nullptr;
  undo_ = nullptr;
}

void command_call::end() {
  auto keep = shared_from_this(); // the functions below, and the client's map, may hold the last reference
  if (watcher_) self_->send_exit(caf::actor_cast<caf::actor>(watcher_), caf::exit_reason::user_shutdown);
  watcher_ = nullptr;
  early_input_.clear();
  forget();
  auto client = self_->state.clients.find(client_);
  if (client == self_->state.clients.end()) return;
  client->second.session.on_command_ended(start_.id);
  client->second.calls.erase(start_.id);
}

void command_call::tell_progress(const progress& made) {
  auto now = self_->clock().now();
  auto whole = made.total > 0 && made.done >= made.total;
  if (ended_ || (!whole && now - progress_told_ < progress_pause)) return;
  // a program that does not read misses progress first
  if (self_->state.socket->queued_bytes(client_) > limits::control_queue_bytes_max) return;
  progress_told_ = now;
  if (auto bytes = encode(control::answer{control::progress_made{start_.id, made.what, made.done, made.total, made.unit}}))
    self_->state.socket->send(client_, std::move(*bytes));
}

caf::strong_actor_ptr command_call::watcher() {
  if (!watcher_) {
    auto control = caf::actor_cast<control_actor>(caf::strong_actor_ptr{self_->ctrl()});
    auto spawned = spawn_on_loop(self_->system(), self_->state.world->loop(), watcher_behavior, control, client_, start_.id);
    watcher_ = caf::actor_cast<caf::strong_actor_ptr>(spawned);
  }
  return watcher_;
}

void command_call::output(byte_string bytes) {
  if (ended_ || bytes.empty()) return;
  if (auto framed = encode(control::answer{control::output_data{start_.id, std::move(bytes)}}))
    self_->state.socket->send(client_, std::move(*framed));
}

void command_call::when_read(std::function<void()> next) {
  if (ended_) return;
  if (self_->state.socket->queued_bytes(client_) <= limits::control_queue_bytes_max) return next();
  next_output_ = std::move(next);
}

void command_call::on_drained() {
  if (!next_output_) return;
  auto next = std::move(next_output_);
  next_output_ = nullptr;
  next();
}

void command_call::take_input(std::function<void(byte_string)> take) {
  take_input_ = std::move(take);
  auto early = std::move(early_input_);
  early_input_.clear();
  for (auto& each : early) on_input(std::move(each));
}

void command_call::on_input(byte_string bytes) {
  if (ended_) return;
  if (!take_input_) return early_input_.push_back(std::move(bytes));
  auto take = take_input_; // a copy: the command may end in this call, and drop it
  take(std::move(bytes));
}

void command_call::input_used(std::size_t bytes) {
  auto found = self_->state.clients.find(client_);
  if (found == self_->state.clients.end()) return;
  auto& client = found->second;
  client.input_held -= std::min(client.input_held, bytes);
  if (!client.paused || client.input_held > limits::control_input_bytes_max / 2) return;
  client.paused = false;
  self_->state.socket->pause(client_, false);
}

} // namespace glow
