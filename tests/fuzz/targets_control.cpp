// What a program on this machine writes to the agent's socket, and the agent's answers.
#include "runtime/base/overloaded.hpp"
#include "runtime/control/limits.hpp"
#include "runtime/control/session.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

using namespace control;

/// Encoding is framed; decoding takes what is in the frame.
template <class Message>
byte_string message_of(const Message& message) {
  auto framed = encode(message);
  return framed ? to_bytes(byte_view{*framed}.subspan(4)) : byte_string{};
}

struct heard {
  std::vector<request> requests;
  bool broken = false;
};

/// A client that writes these bytes, in pieces as the script says.
heard listen(byte_view stream, script* pieces) {
  session client;
  heard out;
  while (!stream.empty() && !out.broken) {
    auto piece = stream.first(pieces ? std::min<std::size_t>(stream.size(), 1 + pieces->u8()) : stream.size());
    stream = stream.subspan(piece.size());
    auto requests = client.on_bytes(piece);
    require(client.running().size() <= limits::control_commands_max, "commands at once are bounded");
    if (!requests) {
      require_readable(requests.why());
      out.broken = true;
      break;
    }
    out.requests.insert(out.requests.end(), requests->begin(), requests->end());
  }
  return out;
}

void check_control(byte_view input) {
  script from{input};
  switch (from.below(3)) {
  case 0: {
    auto message = from.rest();
    keeps_meaning(
      message, [](byte_view bytes) { return decode_request(bytes); }, [](const request& r) { return message_of(r); });
    break;
  }
  case 1: {
    auto message = from.rest();
    keeps_meaning(
      message, [](byte_view bytes) { return decode_answer(bytes); }, [](const answer& a) { return message_of(a); });
    break;
  }
  default: {
    script pieces{from.counted_bytes()};
    auto stream = from.rest();
    auto whole = listen(stream, nullptr);
    auto cut = listen(stream, &pieces);
    require(cut.broken == whole.broken, "where reads split a stream does not decide whether it is good");
    // a broken piece takes with it what came in the same read
    require(whole.broken || cut.requests == whole.requests, "where reads split a stream does not change what it says");
  }
  }
}

std::vector<seed> control_seeds() {
  auto with = [](std::uint8_t mode, byte_view bytes) {
    byte_string out{mode};
    append(out, bytes);
    return out;
  };
  request command{start_command{7, "put", {{"path", "/docs/a.txt"}, {"source", "-"}}}};
  request data{input_data{7, to_bytes(std::string_view{"some input"})}};
  byte_string stream{2, 4, 3, 1, 9, 200};
  for (auto& each : {command, data, request{input_end{7}}, request{cancel_command{7}}}) append(stream, *encode(each));
  return {{"command", with(0, message_of(command))},
          {"data", with(0, message_of(data))},
          {"progress", with(1, message_of(answer{progress_made{7, "files", 3, 10, "B"}}))},
          {"result", with(1, message_of(answer{result_slice{7, "{\"a\":1}", true}}))},
          {"failure", with(1, message_of(answer{command_failed{7, {error_code::not_found, "no such path"}}}))},
          {"stream", stream}};
}

} // namespace

const target control_socket_target{"control_socket", "control::decode_request, decode_answer, frame_reader, session",
                                   check_control, control_seeds, 8192};

} // namespace glow::fuzz
