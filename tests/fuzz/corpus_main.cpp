// Runs every fuzz target over its corpus and over mutations of it, without a fuzzer: what the ordinary tests do.
// Mutations come from a fixed seed, so that a failure fails again.
//
// usage: fuzz_corpus [--corpus DIR] [--mutations N] [--seed N] [--list] [--write-corpus DIR] [TARGET…]
//        fuzz_corpus TARGET --input FILE                      one input, as a failure prints it
#include "runtime/base/random.hpp"
#include "tests/fuzz/targets.hpp"

#include <sodium.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GLOW_FUZZ_SANITIZED 1
#elif defined(__has_feature) // clang tells it so
#define GLOW_FUZZ_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define GLOW_FUZZ_SANITIZED 0
#endif

namespace {

using namespace glow;
using namespace glow::fuzz;
namespace fs = std::filesystem;

struct options {
  fs::path corpus = GLOW_FUZZ_CORPUS;
  std::optional<fs::path> write_to;
  std::optional<fs::path> input;
  std::uint64_t mutations = 2000;
  std::uint64_t seed = 1;
  bool list = false;
  std::vector<const target*> targets;
};

// what a failure has to be told, kept where a signal handler finds it
byte_view running_input;
std::string failure_file;

/// Only what a signal handler may do: the input goes into a file, and its name to the terminal.
void on_failure(int signal) {
  int fd = open(failure_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0) {
    (void)!write(fd, running_input.data(), running_input.size());
    close(fd);
  }
  for (auto text : {std::string_view{"The input is kept in "}, std::string_view{failure_file}, std::string_view{"\n"}})
    (void)!write(2, text.data(), text.size());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const target& which, byte_view input) {
  // a copy of its own, exactly as long: a read beyond the end is one beyond an allocation
  const byte_string own = to_bytes(input);
  running_input = own;
  which.run(own);
}

byte_string read_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// What a fuzzer without coverage can do: one to four small changes, some of them on boundaries that code has.
byte_string mutated(const byte_string& from, const std::vector<byte_string>& others, std::size_t bytes_max,
                    random_source& random) {
  static constexpr std::uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, 0x10, 0x20, 0x40};
  auto out = from;
  auto somewhere = [&](std::size_t size) { return static_cast<std::ptrdiff_t>(size == 0 ? 0 : random.next_below(size)); };
  for (auto changes = 1 + random.next_below(4); changes > 0; --changes) {
    const auto at = somewhere(out.size());
    switch (random.next_below(7)) {
    case 0:
      if (!out.empty()) out[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1u << random.next_below(8));
      break;
    case 1:
      if (!out.empty()) out[static_cast<std::size_t>(at)] = telling[random.next_below(sizeof telling)];
      break;
    case 2:
      if (!out.empty()) out[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random.next_u64());
      break;
    case 3:
      out.erase(out.begin() + at,
                out.begin() + at + somewhere(std::min<std::size_t>(out.size() - static_cast<std::size_t>(at), 16)));
      break;
    case 4: out.insert(out.begin() + at, 1 + random.next_below(16), static_cast<std::uint8_t>(random.next_u64())); break;
    case 5: { // a piece of this one elsewhere
      auto piece = byte_string(
        out.begin() + at, out.begin() + at + somewhere(std::min<std::size_t>(out.size() - static_cast<std::size_t>(at), 64)));
      out.insert(out.begin() + somewhere(out.size()), piece.begin(), piece.end());
      break;
    }
    default: { // the end of another one
      auto& other = others[random.next_below(others.size())];
      out.resize(static_cast<std::size_t>(at));
      out.insert(out.end(), other.begin() + somewhere(other.size()), other.end());
      break;
    }
    }
  }
  out.resize(std::min(out.size(), bytes_max));
  return out;
}

bool run_target(const target& which, const options& how) {
  failure_file = std::string{"fuzz_corpus_failure_"} + which.name;
  std::vector<byte_string> files;
  std::error_code absent;
  std::vector<fs::path> paths;
  for (auto& each : fs::directory_iterator{how.corpus / which.name, absent}) paths.push_back(each.path());
  std::sort(paths.begin(), paths.end());
  for (auto& each : paths) files.push_back(read_file(each));
  if (files.empty()) {
    std::fprintf(stderr, "fuzz_corpus: %s has no corpus in %s (fuzz_corpus --write-corpus makes one)\n", which.name,
                 how.corpus.c_str());
    return false;
  }
  run(which, {});
  for (auto& each : files) run(which, each);
  seeded_random random{how.seed};
  const auto mutations = how.mutations / which.slowness;
  for (std::uint64_t i = 0; i < mutations; ++i)
    run(which, mutated(files[i % files.size()], files, which.input_bytes_max, random));
  std::printf("%s: %zu files and %llu mutations hold\n", which.name, files.size(), static_cast<unsigned long long>(mutations));
  return true;
}

void write_corpus(const target& which, const fs::path& to) {
  fs::create_directories(to / which.name);
  for (auto& each : which.seeds()) {
    std::ofstream file{to / which.name / each.name, std::ios::binary};
    file << as_text(each.bytes);
  }
}

const target* find(std::string_view name) {
  for (auto* each : all_targets())
    if (name == each->name) return each;
  return nullptr;
}

int usage(const std::string& why) {
  std::fprintf(
    stderr,
    "fuzz_corpus: %s\nusage: fuzz_corpus [--corpus DIR] [--mutations N] [--seed N] [--list] [--write-corpus DIR] [TARGET...]\n"
    "       fuzz_corpus TARGET --input FILE\n",
    why.c_str());
  return 2;
}

std::optional<std::string> parse(int argc, char** argv, options& out) {
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--list") {
      out.list = true;
    } else if (word.starts_with("--")) {
      if (i + 1 == argc) return word + " wants a value";
      std::string value = argv[++i];
      if (word == "--corpus")
        out.corpus = value;
      else if (word == "--write-corpus")
        out.write_to = value;
      else if (word == "--input")
        out.input = value;
      else if (word == "--mutations")
        out.mutations = std::strtoull(value.c_str(), nullptr, 10);
      else if (word == "--seed")
        out.seed = std::strtoull(value.c_str(), nullptr, 10);
      else
        return "unknown option " + word;
    } else if (auto* known = find(word)) {
      out.targets.push_back(known);
    } else {
      return "no target is named " + word + " (--list tells them)";
    }
  }
  if (out.targets.empty()) out.targets = all_targets();
  return std::nullopt;
}

/// A decoder that takes memory by the gigabyte fails here as it would on a small machine. (Sanitizers map terabytes.)
void bound_memory() {
#if !GLOW_FUZZ_SANITIZED
  rlimit bound{1u << 30, 1u << 30};
  setrlimit(RLIMIT_AS, &bound);
#endif
}

} // namespace

int main(int argc, char** argv) {
  options how;
  if (auto wrong = parse(argc, argv, how)) return usage(*wrong);
  if (sodium_init() < 0) return 1;
  bound_memory();
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_failure);
  bool all_hold = true;
  for (auto* each : how.targets) {
    if (how.list)
      std::printf("%s %zu %s\n", each->name, each->input_bytes_max, each->covers);
    else if (how.write_to)
      write_corpus(*each, *how.write_to);
    else if (how.input)
      run(*each, read_file(*how.input));
    else
      all_hold = run_target(*each, how) && all_hold;
  }
  return all_hold ? 0 : 1;
}
