#include "transports/tty.hpp"

#include "runtime/host/log.hpp"
#include "transports/limits.hpp"
#include "transports/serial_line.hpp"

#include <map>
#include <unordered_map>

namespace glow::transports {
namespace {

/// Below this a line carries control traffic only; a byte takes ten bits of it.
constexpr double control_rate_bps = 1e6;

/// One device that we have, had, or are to have.
struct known_line {
  channel_uri uri;
  serial_settings settings;
  std::unique_ptr<serial_line> line; ///< none while the device is away
  bool listens = false;              ///< kept open for good, and reopened
  channel_id channel = 0;            ///< 0: nobody speaks on it
  std::uint64_t release_at_ms = 0;   ///< dialled only, without a channel: held until then
};

class tty_medium final : public medium, serial_events {
public:
  tty_medium(const loop_place& place, std::optional<channel_uri> listen) : place_{place}, listen_{std::move(listen)} {}
  ~tty_medium() override;

  result<void> start(medium_listener& listener) override;
  void connect(const channel_uri& remote, connected tell) override;
  void send(channel_id channel, const packet_batch& datagrams) override;
  /// What is queued still leaves: the line stays open.
  void close(channel_id channel) override { drop(channel); }
  void drop(channel_id channel) override;
  std::vector<channel_uri> listening() const override { return listen_ ? std::vector{*listen_} : std::vector<channel_uri>{}; }

private:
  void on_datagrams(serial_line& line, std::vector<byte_string> datagrams) override;
  void on_hangup(serial_line& line, error why) override;
  bool wants_more() const override { return events_->wants_more(); }

  channel_opened open_channel(known_line& on);
  channel_opened describe(const known_line& on) const;
  /// Opens what listens and is away; lets go of what was dialled and is not any more.
  void look_after_lines();
  void arm_timer();

  loop_place place_;
  std::optional<channel_uri> listen_;
  medium_listener* events_ = nullptr;
  std::map<std::string, known_line> lines_; ///< by device
  std::unordered_map<channel_id, std::string> channels_;
  channel_id last_id_ = 0;
  uv_timer_t* timer_ = nullptr;
};

tty_medium::~tty_medium() {
  if (timer_ == nullptr) return;
  timer_->data = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(timer_), [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

result<void> tty_medium::start(medium_listener& listener) {
  events_ = &listener;
  if (!listen_) return {};
  auto settings = serial_settings_of(*listen_);
  if (!settings) return settings.why();
  auto opened = serial_line::open(place_.loop, *settings, *this);
  if (!opened) return error{error_code::io, "cannot listen on " + to_string(*listen_) + ": " + opened.why().message};
  lines_.emplace(settings->path, known_line{*listen_, *settings, std::move(*opened), true});
  return {};
}

channel_opened tty_medium::describe(const known_line& on) const {
  channel_traits traits{"tty", limits::serial_datagram_bytes_max, false, true};
  traits.rate_bps = on.settings.baud * 0.8; // eight of the ten bits that a byte takes
  traits.is_line = true;
  traits.declared_why = std::to_string(on.settings.baud) + " baud";
  if (traits.rate_bps < control_rate_bps) traits.declared_class = "control";
  return {on.channel, on.uri, traits};
}

channel_opened tty_medium::open_channel(known_line& on) {
  on.channel = ++last_id_;
  channels_.emplace(on.channel, on.settings.path);
  return describe(on);
}

void tty_medium::connect(const channel_uri& remote, connected tell) {
  auto settings = serial_settings_of(remote);
  if (!settings) return tell(settings.why());
  auto& on = lines_[settings->path];
  if (on.line && on.settings != *settings && on.channel == 0 && !on.listens) on.line = nullptr; // dialled otherwise before
  if ((on.line || on.listens) && on.settings != *settings)
    return tell(error{error_code::usage, "cannot connect to " + to_string(remote) + ": the line is open as " + to_string(on.uri)
                                           + "; close that one first (glow link rm), or give it the same settings"});
  if (!on.line) {
    auto opened = serial_line::open(place_.loop, *settings, *this);
    if (!opened) {
      if (!on.listens) lines_.erase(settings->path);
      return tell(error{opened.why().code, "cannot connect to " + to_string(remote) + ": " + opened.why().message});
    }
    on.line = std::move(*opened);
    if (!on.listens) on.settings = *settings, on.uri = remote;
  }
  tell(on.channel != 0 ? describe(on) : open_channel(on));
}

void tty_medium::send(channel_id channel, const packet_batch& datagrams) {
  auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  if (auto& line = lines_.at(found->second).line) line->send(datagrams); // a hangup may destroy the line in the meantime
}

void tty_medium::drop(channel_id channel) {
  auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  auto& on = lines_.at(found->second);
  channels_.erase(found);
  on.channel = 0;
  on.release_at_ms = uv_now(place_.loop) + static_cast<std::uint64_t>(limits::serial_held_for / 1ms);
  arm_timer();
}

void tty_medium::on_datagrams(serial_line& line, std::vector<byte_string> datagrams) {
  auto& on = lines_.at(line.settings().path);
  if (on.channel == 0) events_->channel_accepted(open_channel(on));
  if (on.channel != 0) events_->datagrams_arrived(on.channel, std::move(datagrams));
}

void tty_medium::on_hangup(serial_line& line, error why) {
  auto path = line.settings().path;
  auto& on = lines_.at(path);
  auto channel = std::exchange(on.channel, 0);
  on.line = nullptr; // and `line` with it
  channels_.erase(channel);
  if (on.listens) {
    host::log(host::level::warning, "tty", why.message + "; it is opened again when it is back");
    arm_timer();
  } else {
    lines_.erase(path);
  }
  if (channel != 0) events_->channel_broke(channel, std::move(why));
}

void tty_medium::look_after_lines() {
  auto now = uv_now(place_.loop);
  for (auto it = lines_.begin(); it != lines_.end();) {
    auto& on = it->second;
    if (on.listens && !on.line)
      if (auto opened = serial_line::open(place_.loop, on.settings, *this)) on.line = std::move(*opened);
    bool lets_go = !on.listens && on.channel == 0 && now >= on.release_at_ms;
    it = lets_go ? lines_.erase(it) : std::next(it);
  }
  arm_timer();
}

void tty_medium::arm_timer() {
  auto needs_care = [](auto& entry) {
    auto& on = entry.second;
    return on.listens ? on.line == nullptr : on.channel == 0;
  };
  bool needed = std::any_of(lines_.begin(), lines_.end(), needs_care);
  if (timer_ == nullptr) {
    if (!needed) return;
    timer_ = new uv_timer_t; // deleted by its close callback: libuv owns handles until then
    uv_timer_init(place_.loop, timer_);
    timer_->data = this;
  }
  if (!needed) {
    uv_timer_stop(timer_);
  } else if (!uv_is_active(reinterpret_cast<uv_handle_t*>(timer_))) {
    auto pause = static_cast<std::uint64_t>(limits::serial_reopen_pause / 1ms);
    uv_timer_start(
      timer_,
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<tty_medium*>(timer->data)->look_after_lines();
      },
      pause, pause);
  }
}

} // namespace

std::unique_ptr<medium> make_tty(const loop_place& place, std::optional<channel_uri> listen) {
  return std::make_unique<tty_medium>(place, std::move(listen));
}

} // namespace glow::transports
