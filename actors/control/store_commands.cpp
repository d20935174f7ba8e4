// Commands about files: put get ls cat rm mv log restore, and uploads and reads as streams.
#include "actors/contracts/limits.hpp"
#include "actors/control/ask.hpp"
#include "actors/control/documents.hpp"
#include "runtime/control/limits.hpp"

namespace glow {
namespace {

using documents::json;

/// A whole disk over a slow line; the program that asked may give up at any time.
constexpr duration transfer_deadline = 24h;
constexpr std::size_t read_slice_bytes = 256u << 10;

result<duration> timeout_of(const call_ptr& call) {
  auto seconds = call->number("timeout_s", 30, 86400);
  if (!seconds) return seconds.why();
  if (*seconds == 0) return error{error_code::usage, "a timeout of no time at all leaves nothing to try"};
  return duration{std::chrono::seconds{*seconds}};
}

/// The agent opens files itself: a relative path would be relative to the agent.
bool refuse_relative(const call_ptr& call, const std::string& path) {
  if (path.starts_with('/')) return false;
  call->fail({error_code::usage, "the agent needs an absolute path, not '" + path.substr(0, 200) + "'"});
  return true;
}

void put(const call_ptr& call) {
  put_path message{call->text("source"), call->text("path"), call->has("skip_unreadable"), call->watcher()};
  if (refuse_relative(call, message.source)) return;
  ask<put_done>(
    call, call->parts().store, std::move(message), [call](put_done& done) { call->answer(documents::put(done)); }, caf::infinite);
}

void get(const call_ptr& call) {
  auto timeout = timeout_of(call);
  if (!timeout) return call->fail(timeout.why());
  get_path message{call->text("path"), call->text("destination"), *timeout, call->watcher()};
  if (refuse_relative(call, message.destination)) return;
  auto destination = message.destination;
  ask<get_done>(
    call, call->parts().store, std::move(message),
    [=](get_done& done) {
      json out{{"files", done.files}, {"bytes", done.bytes}, {"reported", done.reported}};
      documents::put_name(out, "destination", destination);
      call->answer(out);
    },
    caf::infinite);
}

/// Slice after slice, each once the program has read most of the one before.
void read_on(const call_ptr& call, const std::string& path, duration timeout, std::uint64_t offset) {
  ask<path_bytes>(
    call, call->parts().store, read_path{path, offset, read_slice_bytes, timeout},
    [=](path_bytes& slice) {
      auto next = offset + slice.bytes.size();
      auto end = slice.end || slice.bytes.empty();
      call->tell_progress({path, next, slice.size, "B"});
      call->output(std::move(slice.bytes));
      if (end) return call->answer({{"bytes", next}});
      call->when_read([=] { read_on(call, path, timeout, next); });
    },
    caf::duration{timeout + limits::local_request_timeout});
}

void cat(const call_ptr& call) {
  auto timeout = timeout_of(call);
  if (!timeout) return call->fail(timeout.why());
  read_on(call, call->text("path"), *timeout, 0);
}

/// Bytes from the program become a file. One write at a time is with the store; what comes meanwhile waits here, and the
/// socket is paused beyond limits::control_input_bytes_max.
struct upload : std::enable_shared_from_this<upload> {
  call_ptr call;
  std::uint64_t id = 0;
  byte_string waiting;
  bool writing = false;
  bool at_end = false;
  bool closing = false;

  void take(byte_string bytes) {
    if (bytes.empty()) at_end = true;
    append(waiting, bytes);
    write_on();
  }
  void write_on() {
    if (writing || closing) return;
    if (waiting.empty()) {
      if (at_end) close();
      return;
    }
    writing = true;
    auto size = waiting.size();
    ask<upload_written>(call, call->parts().store, write_upload{id, std::exchange(waiting, {})},
                        [me = shared_from_this(), size](upload_written&) {
                          me->writing = false;
                          me->call->input_used(size);
                          me->write_on();
                        });
  }
  void close() {
    closing = true;
    ask<put_done>(
      call, call->parts().store, close_upload{id, true},
      [me = shared_from_this()](put_done& done) { me->call->answer(documents::put(done)); }, caf::infinite);
  }
};

void put_stream(const call_ptr& call) {
  ask<upload_opened>(call, call->parts().store, open_upload{call->text("path")}, [=](upload_opened& opened) {
    auto into = std::make_shared<upload>();
    into->call = call;
    into->id = opened.upload;
    auto store = call->parts().store;
    auto id = opened.upload;
    call->on_give_up([=] { caf::anon_send(store, close_upload{id, false}); });
    call->take_input([into](byte_string bytes) { into->take(std::move(bytes)); });
  });
}

void ls(const call_ptr& call) {
  list_path message{call->text("path", "/"), call->has("recursive")};
  ask<path_list>(
    call, call->parts().store, std::move(message),
    [call](path_list& list) {
      auto out = json::array();
      for (auto& each : list.entries) out.push_back(documents::entry(each));
      call->answer(out);
    },
    caf::infinite);
}

void rm(const call_ptr& call) {
  ask<path_removed>(
    call, call->parts().store, remove_path{call->text("path"), call->has("recursive")},
    [call](path_removed& removed) {
      call->answer({{"commit", removed.commit}, {"entries", removed.entries}});
    },
    caf::infinite);
}

void copy(const call_ptr& call, copy_path message) {
  ask<put_done>(
    call, call->parts().store, std::move(message), [call](put_done& done) { call->answer(documents::put(done)); }, caf::infinite);
}

void mv(const call_ptr& call) { copy(call, {call->text("from"), call->text("to"), true}); }

void restore(const call_ptr& call) {
  auto versioned = call->text("path");
  auto at = versioned.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == versioned.size() || versioned.find('/', at) != std::string::npos)
    return call->fail({error_code::usage, "which version? write PATH@VERSION, such as /docs/a.txt@3 (see glow log PATH)"});
  copy(call, {versioned, versioned.substr(0, at), false});
}

void log(const call_ptr& call) {
  ask<path_log>(
    call, call->parts().store, log_path{call->text("path")},
    [call](path_log& list) {
      auto out = json::array();
      for (auto& each : list.versions) out.push_back(documents::version(each));
      call->answer(out);
    },
    caf::infinite);
}

constexpr command_entry table[] = {
  {"put", transfer_deadline, put},
  {"put.stream", transfer_deadline, put_stream},
  {"get", transfer_deadline, get},
  {"cat", transfer_deadline, cat},
  {"ls", 60s, ls},
  {"rm", 60s, rm},
  {"mv", 60s, mv},
  {"restore", 60s, restore},
  {"log", 60s, log},
};

} // namespace

std::span<const command_entry> store_commands() { return table; }

} // namespace glow
