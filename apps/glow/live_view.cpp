#include "apps/glow/live_view.hpp"

#include "apps/client/signal_watch.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <thread>

namespace glow::cli {
namespace {

using clock = std::chrono::steady_clock;

constexpr int signal_status = 128; ///< and the signal's number: as shells report it

std::string time_of_day() {
  auto now = std::time(nullptr);
  std::tm local{};
  char out[16] = "";
  if (::localtime_r(&now, &local)) (void)std::strftime(out, sizeof out, "%H:%M:%S", &local);
  return out;
}

std::string heading_of(const live_question& question, std::chrono::milliseconds interval) {
  char every[32];
  std::snprintf(every, sizeof every, "%g", static_cast<double>(interval.count()) / 1000);
  return question.heading + ", every " + every + " s; " + time_of_day() + "; ^C ends";
}

/// The terminal between its two states; whatever way the view ends, the cursor and the echo of keys come back.
class screen {
public:
  screen() { begin(); }
  ~screen() { end(); }
  screen(const screen&) = delete;
  screen& operator=(const screen&) = delete;
  /// ^Z: the shell gets its terminal back, and the view goes on with fg.
  void step_aside() {
    end();
    (void)::raise(SIGSTOP);
    begin();
  }

private:
  void begin() {
    (void)print(client::frames_begin());
    // in the background the keys are somebody else's, and asking for them would stop this process
    keys_are_ours_ = ::tcgetpgrp(STDIN_FILENO) == ::getpgrp() && ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!keys_are_ours_) return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    (void)::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  void end() {
    if (keys_are_ours_) (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); // what was typed meanwhile was for nobody
    (void)print(client::frames_end());
  }

  termios before_{};
  bool keys_are_ours_ = false;
};

result<int> show_in_place(const context& with, std::chrono::milliseconds interval, const live_question& question) {
  auto first = question.ask();
  if (!first) return first.why(); // the terminal was not touched yet
  client::signal_watch signals{SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
  screen shown;
  auto view = with;
  auto document = std::move(*first);
  auto next = clock::now() + interval;
  while (true) {
    view.out = client::terminal::of(STDOUT_FILENO);
    auto drawn = print(client::frame(view.out, heading_of(question, interval), question.text(view, document)));
    if (!drawn) return drawn;
    const auto pause = std::chrono::ceil<std::chrono::milliseconds>(std::max(next - clock::now(), clock::duration::zero()));
    const auto came = signals.within(pause);
    if (came == SIGTSTP) shown.step_aside();
    if (came == SIGINT || came == SIGTERM || came == SIGHUP) return signal_status + came;
    if (clock::now() < next) continue; // the terminal has another size, or is ours again
    auto again = question.ask();
    if (!again) return again.why();
    document = std::move(*again);
    next = std::max(next + interval, clock::now());
  }
}

result<int> show_one_by_one(const context& with, std::chrono::milliseconds interval, const live_question& question) {
  auto next = clock::now();
  for (bool is_first = true;; is_first = false) {
    auto document = question.ask();
    if (!document) return document.why();
    if (!is_first && !with.wants_json)
      if (auto blank = print("\n"); !blank) return blank;
    auto shown = show(with, *document, [&] { return question.text(with, *document); });
    if (!shown) return shown;
    next = std::max(next + interval, clock::now());
    std::this_thread::sleep_until(next);
  }
}

} // namespace

result<int> show_live(const context& with, std::chrono::milliseconds interval, const live_question& question) {
  const bool in_place = with.out.interactive && with.out.moves_cursor && !with.wants_json;
  return in_place ? show_in_place(with, interval, question) : show_one_by_one(with, interval, question);
}

} // namespace glow::cli
