#include "transports/medium.hpp"

namespace glow::transports {

error uv_failure(error_code code, const std::string& what, int status) { return {code, what + ": " + uv_strerror(status)}; }

} // namespace glow::transports
