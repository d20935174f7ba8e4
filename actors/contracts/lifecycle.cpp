#include "actors/contracts/lifecycle.hpp"

#include "runtime/host/log.hpp"

namespace glow::lifecycle_detail {

bool is_system_message(const caf::type_erased_tuple& content) {
  return content.match_elements<get_state>() || content.match_elements<get_stats>() || content.match_elements<get_metrics>()
         || content.match_elements<get_children>() || content.match_elements<suspend_actor>()
         || content.match_elements<resume_actor>() || content.match_elements<trace_actor>()
         || content.match_elements<quit_actor>() || content.match_elements<caf::exit_msg>()
         || content.match_elements<caf::down_msg>();
}

void log_unexpected(const char* who, const caf::type_erased_tuple& content) {
  host::log(host::level::warning, who, "dropped a message it does not know: " + content.stringify().substr(0, 200));
}

caf::error log_exception(const char* who, std::exception_ptr& thrown) {
  std::string what = "unknown exception";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& known) {
    what = known.what();
  } catch (...) {}
  host::log(host::level::error, who, "fails: " + what);
  return to_caf(error{error_code::failed, "exception: " + what});
}

} // namespace glow::lifecycle_detail
