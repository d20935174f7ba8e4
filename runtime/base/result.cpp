#include "runtime/base/result.hpp"

namespace glow {

std::string_view to_string(error_code code) {
  switch (code) {
  case error_code::none: return "none";
  case error_code::failed: return "failed";
  case error_code::usage: return "usage";
  case error_code::no_agent: return "no_agent";
  case error_code::unreachable: return "unreachable";
  case error_code::timed_out: return "timed_out";
  case error_code::malformed: return "malformed";
  case error_code::not_a_member: return "not_a_member";
  case error_code::tampered: return "tampered";
  case error_code::expired: return "expired";
  case error_code::already_used: return "already_used";
  case error_code::not_found: return "not_found";
  case error_code::exhausted: return "exhausted";
  case error_code::io: return "io";
  case error_code::replaced: return "replaced";
  case error_code::stopped: return "stopped";
  }
  return "unknown";
}

int exit_status(error_code code) {
  switch (code) {
  case error_code::none: return 0;
  case error_code::usage: return 2;
  case error_code::no_agent: return 3;
  case error_code::unreachable:
  case error_code::timed_out: return 4;
  default: return 1;
  }
}

} // namespace glow
