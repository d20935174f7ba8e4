/// Expected failure: a value or an error that says what failed, what was tried and what to do.
/// Bugs are assertions, not results.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace glow {

/// What kind of failure it is: programs branch on this, people read the message.
enum class error_code : std::uint8_t {
  none = 0,
  failed = 1,        ///< something else went wrong; the message says what
  usage = 2,         ///< the caller asked for something malformed
  no_agent = 3,      ///< no agent is running where the caller looked
  unreachable = 4,   ///< no route, or the other side vanished
  timed_out = 5,     ///< the deadline passed
  malformed = 6,     ///< bytes from outside do not decode or exceed a bound
  not_a_member = 7,  ///< the peer has no valid place in the namespace
  tampered = 8,      ///< a signature, hash or tag does not verify
  expired = 9,       ///< a ticket or grant is past its time
  already_used = 10, ///< a one-time ticket was used before
  not_found = 11,    ///< no such path, job, node, object …
  exhausted = 12,    ///< a bound was reached: queue, memory, disk
  io = 13,           ///< the operating system refused; the message carries its words
  replaced = 14,     ///< a newer incarnation or token has taken over
  stopped = 15,      ///< asked to stop
};

std::string_view to_string(error_code code);

/// Exit status of a command that ended with `code` (interfaces.md: 1 failed, 2 usage, 3 no agent, 4 unreachable).
int exit_status(error_code code);

struct error {
  error_code code = error_code::failed;
  std::string message;
  bool operator==(const error&) const = default;
};

/// A `T` or an `error`. `result<void>` is success or an `error`.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : held_{std::in_place_index<0>, std::move(value)} {}
  result(error why) : held_{std::in_place_index<1>, std::move(why)} {}
  result(error_code code, std::string message) : held_{std::in_place_index<1>, error{code, std::move(message)}} {}

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  /// Requires: ok().
  T& value() {
    assert(ok());
    return std::get<0>(held_);
  }
  const T& value() const {
    assert(ok());
    return std::get<0>(held_);
  }
  /// Requires: !ok().
  const error& why() const {
    assert(!ok());
    return std::get<1>(held_);
  }

private:
  std::variant<T, error> held_;
};

template <>
class [[nodiscard]] result<void> {
public:
  result() = default;
  result(error why) : why_{std::move(why)}, ok_{false} {}
  result(error_code code, std::string message) : why_{code, std::move(message)}, ok_{false} {}
  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  /// Requires: !ok().
  const error& why() const {
    assert(!ok_);
    return why_;
  }

private:
  error why_{error_code::none, {}};
  bool ok_ = true;
};

} // namespace glow
