#include "transports/loopback.hpp"

#include "transports/limits.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>

namespace glow::transports {
namespace {

class loopback_medium;

/// How one medium is reached from other threads: work is run on its own loop, `if_gone` there when it died meanwhile.
class loopback_end {
public:
  loopback_end(loopback_medium& home, const loop_place& place) : home_{&home}, post_{place.post} {}
  /// Returns false, and runs nothing, when it is gone already.
  static bool run(const std::shared_ptr<loopback_end>& end, std::function<void(loopback_medium&)> work,
                  std::function<void()> if_gone = nullptr) {
    std::lock_guard guard{end->mutex_};
    if (!end->post_) return false;
    end->post_([end, work = std::move(work), if_gone = std::move(if_gone)] {
      if (end->home_ != nullptr)
        work(*end->home_);
      else if (if_gone)
        if_gone();
    });
    return true;
  }
  /// Called on the loop's own thread, the only one that reads `home_`.
  void retire() {
    std::lock_guard guard{mutex_};
    post_ = nullptr;
    home_ = nullptr;
  }

private:
  std::mutex mutex_;
  loopback_medium* home_;
  std::function<void(std::function<void()>)> post_;
};
using end_ptr = std::shared_ptr<loopback_end>;

} // namespace

class loopback_hub {
public:
  bool add(const std::string& name, const end_ptr& end) {
    std::lock_guard guard{mutex_};
    return ends_.try_emplace(name, end).second;
  }
  void remove(const std::string& name) {
    std::lock_guard guard{mutex_};
    ends_.erase(name);
  }
  end_ptr find(const std::string& name) {
    std::lock_guard guard{mutex_};
    auto found = ends_.find(name);
    return found == ends_.end() ? nullptr : found->second;
  }

private:
  std::mutex mutex_;
  std::map<std::string, end_ptr> ends_;
};

namespace {

class loopback_medium final : public medium {
public:
  loopback_medium(const loop_place& place, std::optional<channel_uri> listen, std::shared_ptr<loopback_hub> hub)
    : end_{std::make_shared<loopback_end>(*this, place)}, listen_{std::move(listen)}, hub_{std::move(hub)} {}
  ~loopback_medium() override {
    if (named_) hub_->remove(listen_->path);
    end_->retire();
    for (auto& [id, each] : channels_) tell_gone(each);
  }

  result<void> start(medium_listener& listener) override {
    events_ = &listener;
    if (!listen_) return {};
    named_ = hub_->add(listen_->path, end_);
    if (!named_) return error{error_code::io, "cannot listen on " + to_string(*listen_) + ": the name is taken in this process"};
    return {};
  }

  void connect(const channel_uri& remote, connected tell) override {
    auto there = hub_->find(remote.path);
    auto id = ++last_id_;
    auto queued = std::make_shared<std::atomic<std::size_t>>(0);
    channels_.emplace(id, pipe{there, 0, queued});
    dials_.emplace(id, dial{remote, std::move(tell)});
    bool asked = there
                 && loopback_end::run(
                   there, [=, here = end_](loopback_medium& other) { other.accept(here, id, queued); },
                   [=, here = end_] { loopback_end::run(here, [=](loopback_medium& self) { self.on_refused(id); }); });
    if (!asked) on_refused(id);
  }

  void send(channel_id channel, const packet_batch& datagrams) override {
    auto found = channels_.find(channel);
    if (found == channels_.end() || found->second.far_id == 0) return;
    auto& [far, far_id, queued] = found->second;
    std::vector<byte_string> passing;
    std::size_t bytes = 0;
    for (auto& each : datagrams.packets()) {
      if (each.empty() || each.size() > limits::frame_bytes_max) continue;
      if (queued->load() + bytes + each.size() > limits::channel_queue_bytes_max) break;
      bytes += each.size();
      passing.push_back(each);
    }
    if (passing.empty()) return;
    queued->fetch_add(bytes);
    auto shared = std::make_shared<std::vector<byte_string>>(std::move(passing));
    loopback_end::run(far, [to = far_id, shared, bytes, waiting = queued](loopback_medium& other) {
      waiting->fetch_sub(bytes);
      if (!other.channels_.contains(to) || !other.events_->wants_more()) return;
      other.events_->datagrams_arrived(to, std::move(*shared));
    });
  }

  void close(channel_id channel) override {
    auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    tell_gone(found->second);
    channels_.erase(found);
  }
  void drop(channel_id channel) override { close(channel); }
  std::vector<channel_uri> listening() const override { return named_ ? std::vector{*listen_} : std::vector<channel_uri>{}; }

private:
  struct pipe {
    end_ptr far;
    channel_id far_id = 0;                            ///< 0 while dialling
    std::shared_ptr<std::atomic<std::size_t>> queued; ///< bytes on their way, both directions
  };
  struct dial {
    channel_uri remote;
    connected tell;
  };

  static channel_traits traits() { return {"loopback", limits::frame_bytes_max, true, true}; }

  static void tell_gone(const pipe& gone) {
    if (gone.far_id == 0) return;
    loopback_end::run(gone.far, [to = gone.far_id](loopback_medium& other) { other.on_gone(to); });
  }
  void on_gone(channel_id channel) {
    if (channels_.erase(channel) > 0)
      events_->channel_broke(channel, {error_code::unreachable, "the other end closed the channel"});
  }
  /// On the listening side.
  void accept(const end_ptr& from, channel_id from_id, const std::shared_ptr<std::atomic<std::size_t>>& queued) {
    auto id = ++last_id_;
    channels_.emplace(id, pipe{from, from_id, queued});
    loopback_end::run(from, [=](loopback_medium& other) { other.on_accepted(from_id, id); });
    events_->channel_accepted({id, *listen_, traits()});
  }
  /// On the dialling side.
  void on_accepted(channel_id channel, channel_id far_id) {
    auto dialled = dials_.extract(channel);
    auto& made = channels_.at(channel);
    made.far_id = far_id;
    dialled.mapped().tell(channel_opened{channel, dialled.mapped().remote, traits()});
  }

  void on_refused(channel_id channel) {
    auto dialled = dials_.extract(channel);
    channels_.erase(channel);
    auto& [remote, tell] = dialled.mapped();
    tell(error{error_code::unreachable, "cannot connect to " + to_string(remote) + ": nobody of that name in this process"});
  }

  end_ptr end_;
  std::optional<channel_uri> listen_;
  std::shared_ptr<loopback_hub> hub_;
  medium_listener* events_ = nullptr;
  bool named_ = false;
  channel_id last_id_ = 0;
  std::unordered_map<channel_id, pipe> channels_;
  std::unordered_map<channel_id, dial> dials_;
};

} // namespace

std::shared_ptr<loopback_hub> make_loopback_hub() { return std::make_shared<loopback_hub>(); }

std::unique_ptr<medium> make_loopback(const loop_place& place, std::optional<channel_uri> listen,
                                      std::shared_ptr<loopback_hub> hub) {
  return std::make_unique<loopback_medium>(place, std::move(listen), std::move(hub));
}

} // namespace glow::transports
