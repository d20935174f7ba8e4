/// What a program and its agent say to each other over the control socket, as values, and their bytes.
/// Refuses to know what any command means: actors/control has the table.
#pragma once

#include "runtime/base/bytes.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace glow::control {

/// One command of one connection; unique among those that still run.
using command_id = std::uint32_t;

struct argument {
  std::string key;
  std::string value; ///< bytes, not necessarily UTF-8
  bool operator==(const argument&) const = default;
};

// ---- program → agent -------------------------------------------------------------------------------------------
struct start_command {
  command_id id = 0;
  std::string name;
  std::vector<argument> arguments;
  bool operator==(const start_command&) const = default;
};
struct input_data {
  command_id id = 0;
  byte_string bytes;
  bool operator==(const input_data&) const = default;
};
struct input_end {
  command_id id = 0;
  bool operator==(const input_end&) const = default;
};
struct cancel_command {
  command_id id = 0;
  bool operator==(const cancel_command&) const = default;
};
using request = std::variant<start_command, input_data, input_end, cancel_command>;

// ---- agent → program -------------------------------------------------------------------------------------------
struct progress_made {
  command_id id = 0;
  std::string what;
  std::uint64_t done = 0;
  std::uint64_t total = 0; ///< 0 while unknown
  std::string unit;        ///< "B", "steps"
  bool operator==(const progress_made&) const = default;
};
struct output_data {
  command_id id = 0;
  byte_string bytes;
  bool operator==(const output_data&) const = default;
};
/// A slice of the JSON document that ends a command; the last one has `more == false`.
struct result_slice {
  command_id id = 0;
  std::string json;
  bool more = false;
  bool operator==(const result_slice&) const = default;
};
struct command_failed {
  command_id id = 0;
  error why;
  bool operator==(const command_failed&) const = default;
};
using answer = std::variant<progress_made, output_data, result_slice, command_failed>;

/// Framed bytes, ready for the socket.
/// Errors: `usage` when the message does not fit a frame.
result<byte_string> encode(const request& message);
result<byte_string> encode(const answer& message);
/// Errors: `malformed`.
result<request> decode_request(byte_view frame);
result<answer> decode_answer(byte_view frame);
/// A whole document as framed slices, back to back.
byte_string encode_result(command_id id, std::string_view json);

} // namespace glow::control
