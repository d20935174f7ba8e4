#include "tools/benchmarks/network_namespace.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace glow::benchmarks {

result<void> enter_network_namespace(const std::string& name) {
  if (name.empty()) return {};
  auto failed = [&] { return error{error_code::io, "cannot enter network namespace " + name + ": " + std::strerror(errno)}; };
  int fd = ::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed();
  bool entered = ::setns(fd, CLONE_NEWNET) == 0;
  auto outcome = entered ? result<void>{} : result<void>{failed()};
  ::close(fd);
  return outcome;
}

} // namespace glow::benchmarks
