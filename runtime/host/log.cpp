#include "runtime/host/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace glow::host {
namespace {

spdlog::level::level_enum to_spdlog(level at) {
  switch (at) {
  case level::debug: return spdlog::level::debug;
  case level::info: return spdlog::level::info;
  case level::warning: return spdlog::level::warn;
  case level::error: return spdlog::level::err;
  case level::off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made{"glow", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
    made.set_pattern("%Y-%m-%dT%H:%M:%S.%e %L %v");
    return made;
  }();
  return instance;
}

std::string escaped(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out.push_back(c);
    } else {
      out += "\\x";
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

} // namespace

void set_log_level(level least) { logger().set_level(to_spdlog(least)); }

void log(level at, std::string_view who, std::string_view text) {
  auto severity = to_spdlog(at);
  if (!logger().should_log(severity)) return;
  logger().log(severity, "{}: {}", who, escaped(text));
}

} // namespace glow::host
