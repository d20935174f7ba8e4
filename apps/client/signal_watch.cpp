#include "apps/client/signal_watch.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace glow::client {

signal_watch::signal_watch(std::initializer_list<int> signals) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (auto each : signals) ::sigaddset(&wanted, each);
  ::sigprocmask(SIG_BLOCK, &wanted, &before_);
  fd_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

signal_watch::~signal_watch() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

int signal_watch::within(std::chrono::milliseconds pause) const {
  pollfd wait{fd_.get(), POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(pause.count())) <= 0) return 0;
  signalfd_siginfo came{};
  return ::read(fd_.get(), &came, sizeof came) == sizeof came ? static_cast<int>(came.ssi_signo) : 0;
}

} // namespace glow::client
