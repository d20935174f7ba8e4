#include "runtime/control/messages.hpp"

#include "runtime/base/capnp.hpp"
#include "runtime/base/overloaded.hpp"
#include "runtime/control/frames.hpp"
#include "runtime/control/limits.hpp"
#include "schema/control.capnp.h"

namespace glow::control {
namespace {

/// Bytes of a result in one frame: leaves room for the envelope, and for another client's turn.
constexpr std::size_t slice_bytes = 256u << 10;

/// Cap'n Proto text is read by C strings: a zero byte would cut it silently.
std::string without_zeros(std::string text) {
  std::erase(text, '\0');
  return text;
}

result<byte_string> framed(capnp::MessageBuilder& message) {
  auto bytes = to_bytes(message);
  if (bytes.size() > limits::control_frame_bytes_max)
    return {error_code::usage,
            "a command of " + std::to_string(bytes.size()) + " bytes is longer than the control socket carries"};
  return frame(bytes);
}

error_code known_code(std::uint16_t raw) {
  auto known = raw > 0 && raw <= static_cast<std::uint16_t>(error_code::stopped);
  return known ? static_cast<error_code>(raw) : error_code::failed;
}

result<request> read_command(schema::ControlRequest::Reader message) {
  auto read = message.getCommand();
  auto arguments = read.getArguments();
  if (arguments.size() > limits::control_arguments_max)
    return {error_code::malformed, "control command with " + std::to_string(arguments.size()) + " arguments"};
  start_command out{message.getId(), from_text(read.getName()), {}};
  out.arguments.reserve(arguments.size());
  for (auto each : arguments) out.arguments.push_back({from_text(each.getKey()), to_text(from_data(each.getValue()))});
  return request{std::move(out)};
}

} // namespace

result<byte_string> encode(const request& message) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<schema::ControlRequest>();
  std::visit(overloaded{
               [&](const start_command& m) {
                 out.setId(m.id);
                 auto command = out.initCommand();
                 command.setName(as_capnp_text(m.name));
                 auto arguments = command.initArguments(static_cast<unsigned>(m.arguments.size()));
                 for (unsigned i = 0; i < arguments.size(); ++i) {
                   arguments[i].setKey(as_capnp_text(m.arguments[i].key));
                   arguments[i].setValue(as_data(as_bytes(m.arguments[i].value)));
                 }
               },
               [&](const input_data& m) {
                 out.setId(m.id);
                 out.setData(as_data(m.bytes));
               },
               [&](const input_end& m) {
                 out.setId(m.id);
                 out.setEnd();
               },
               [&](const cancel_command& m) {
                 out.setId(m.id);
                 out.setCancel();
               },
             },
             message);
  return framed(builder);
}

result<byte_string> encode(const answer& message) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<schema::ControlAnswer>();
  std::visit(overloaded{
               [&](const progress_made& m) {
                 out.setId(m.id);
                 auto progress = out.initProgress();
                 progress.setWhat(as_capnp_text(without_zeros(m.what)));
                 progress.setDone(m.done);
                 progress.setTotal(m.total);
                 progress.setUnit(as_capnp_text(m.unit));
               },
               [&](const output_data& m) {
                 out.setId(m.id);
                 out.setData(as_data(m.bytes));
               },
               [&](const result_slice& m) {
                 out.setId(m.id);
                 auto slice = out.initResult();
                 slice.setJson(as_data(as_bytes(m.json)));
                 slice.setMore(m.more);
               },
               [&](const command_failed& m) {
                 out.setId(m.id);
                 auto failure = out.initFailure();
                 failure.setCode(static_cast<std::uint16_t>(m.why.code));
                 failure.setMessage(as_capnp_text(without_zeros(m.why.message)));
               },
             },
             message);
  return framed(builder);
}

result<request> decode_request(byte_view frame) {
  return read_message<schema::ControlRequest>(frame, [](schema::ControlRequest::Reader message) -> result<request> {
    auto id = message.getId();
    switch (message.which()) {
    case schema::ControlRequest::COMMAND: return read_command(message);
    case schema::ControlRequest::DATA: return request{input_data{id, to_bytes(from_data(message.getData()))}};
    case schema::ControlRequest::END: return request{input_end{id}};
    case schema::ControlRequest::CANCEL: return request{cancel_command{id}};
    }
    return {error_code::malformed, "control request of an unknown kind"};
  });
}

result<answer> decode_answer(byte_view frame) {
  return read_message<schema::ControlAnswer>(frame, [](schema::ControlAnswer::Reader message) -> result<answer> {
    auto id = message.getId();
    switch (message.which()) {
    case schema::ControlAnswer::PROGRESS: {
      auto p = message.getProgress();
      return answer{progress_made{id, from_text(p.getWhat()), p.getDone(), p.getTotal(), from_text(p.getUnit())}};
    }
    case schema::ControlAnswer::DATA: return answer{output_data{id, to_bytes(from_data(message.getData()))}};
    case schema::ControlAnswer::RESULT: {
      auto slice = message.getResult();
      return answer{result_slice{id, to_text(from_data(slice.getJson())), slice.getMore()}};
    }
    case schema::ControlAnswer::FAILURE: {
      auto failure = message.getFailure();
      return answer{command_failed{id, {known_code(failure.getCode()), from_text(failure.getMessage())}}};
    }
    }
    return {error_code::malformed, "control answer of an unknown kind"};
  });
}

byte_string encode_result(command_id id, std::string_view json) {
  byte_string out;
  do {
    auto slice = json.substr(0, slice_bytes);
    json.remove_prefix(slice.size());
    // a slice is far below the frame's bound, so that encoding it cannot fail
    if (auto bytes = encode(answer{result_slice{id, std::string{slice}, !json.empty()}})) append(out, *bytes);
  } while (!json.empty());
  return out;
}

} // namespace glow::control
