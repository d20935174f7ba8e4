#include "runtime/host/process_figures.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace glow::host {
namespace {

std::optional<std::uint64_t> entries_of(const char* directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> open{::opendir(directory), &::closedir};
  if (!open) return {};
  std::uint64_t out = 0;
  while (auto* each = ::readdir(open.get())) out += each->d_name[0] != '.';
  return out;
}

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

} // namespace

std::optional<process_figures> read_process_figures() {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pages{std::fopen("/proc/self/statm", "re"), &std::fclose};
  unsigned long long size = 0, resident = 0;
  if (!pages || std::fscanf(pages.get(), "%llu %llu", &size, &resident) != 2) return {};
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) != 0) return {};
  auto files = entries_of("/proc/self/fd");
  auto threads = entries_of("/proc/self/task");
  if (!files || !threads) return {};
  return process_figures{resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)),
                         seconds(used.ru_utime) + seconds(used.ru_stime), static_cast<std::uint64_t>(used.ru_nvcsw),
                         *files - 1, // the one that reads the directory
                         *threads};
}

} // namespace glow::host
