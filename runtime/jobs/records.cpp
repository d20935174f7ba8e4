#include "runtime/jobs/records.hpp"

#include "runtime/base/capnp.hpp"
#include "runtime/jobs/limits.hpp"
#include "schema/jobs.capnp.h"

namespace glow::jobs {
namespace {

error too_much(const char* what) { return {error_code::malformed, std::string{"job message with too many or too long "} + what}; }

std::int64_t to_ms_count(duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

/// Cut to its bound before it becomes a duration, which milliseconds off a wire would overflow.
std::chrono::milliseconds step_timeout_of(std::uint64_t told_ms) {
  constexpr auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(limits::step_timeout_max);
  return told_ms < static_cast<std::uint64_t>(longest.count()) ? std::chrono::milliseconds{told_ms} : longest;
}

template <class Builder>
void put_texts(Builder list, const std::vector<std::string>& texts) {
  for (unsigned i = 0; i < texts.size(); ++i) list.set(i, as_data(as_bytes(texts[i])));
}

result<std::vector<std::string>> get_texts(capnp::List<capnp::Data>::Reader list, std::size_t count_max, std::size_t bytes_max) {
  if (list.size() > count_max) return too_much("texts");
  std::vector<std::string> out;
  out.reserve(list.size());
  std::size_t bytes = 0;
  for (auto each : list) {
    bytes += each.size();
    if (bytes > bytes_max) return too_much("texts");
    out.emplace_back(as_text(from_data(each)));
  }
  return out;
}

result<std::vector<lease_token>> get_tokens(capnp::List<std::uint64_t>::Reader list) {
  if (list.size() > limits::lease_tokens_max) return too_much("leases");
  std::vector<lease_token> out;
  for (auto each : list) out.push_back(each);
  return out;
}

result<std::string> get_text(capnp::Text::Reader text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return too_much("texts");
  return from_text(text);
}

} // namespace

byte_string encode_offer(const std::vector<lease>& leases) {
  capnp::MallocMessageBuilder message;
  auto list = message.initRoot<schema::LeaseOffer>().initLeases(static_cast<unsigned>(leases.size()));
  for (unsigned i = 0; i < leases.size(); ++i) {
    auto& from = leases[i];
    auto to = list[i];
    to.setToken(from.token);
    to.setJob(as_capnp_text(from.job));
    to.setIndex(from.index);
    put_texts(to.initCommand(static_cast<unsigned>(from.command.size())), from.command);
    to.setInput(as_data(as_bytes(from.input)));
    to.setInputCommit(as_capnp_text(from.input_commit));
    to.setTimeoutMs(static_cast<std::uint64_t>(to_ms_count(from.timeout)));
  }
  return to_bytes(message);
}

result<std::vector<lease>> decode_offer(byte_view bytes) {
  return read_message<schema::LeaseOffer>(bytes, [](schema::LeaseOffer::Reader offer) -> result<std::vector<lease>> {
    if (offer.getLeases().size() > limits::leases_per_offer_max) return too_much("leases");
    std::vector<lease> out;
    for (auto from : offer.getLeases()) {
      auto command = get_texts(from.getCommand(), limits::command_arguments_max, limits::command_bytes_max);
      if (!command) return command.why();
      auto job = get_text(from.getJob(), limits::job_id_bytes_max);
      auto commit = get_text(from.getInputCommit(), limits::job_id_bytes_max);
      if (!job) return job.why();
      if (!commit) return commit.why();
      if (command->empty() || from.getInput().size() > limits::path_bytes_max) return too_much("words or paths");
      out.push_back({from.getToken(), *job, from.getIndex(), std::move(*command), to_text(from_data(from.getInput())), *commit,
                     step_timeout_of(from.getTimeoutMs())});
    }
    return out;
  });
}

byte_string encode_load(const worker_load& load) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::WorkerLoad>();
  root.setSlots(load.slots);
  root.setRunning(load.running);
  auto list = root.initTokens(static_cast<unsigned>(load.tokens.size()));
  for (unsigned i = 0; i < load.tokens.size(); ++i) list.set(i, load.tokens[i]);
  return to_bytes(message);
}

result<worker_load> decode_load(byte_view bytes) {
  return read_message<schema::WorkerLoad>(bytes, [](schema::WorkerLoad::Reader root) -> result<worker_load> {
    auto tokens = get_tokens(root.getTokens());
    if (!tokens) return tokens.why();
    return worker_load{std::min(root.getSlots(), limits::worker_slots_max), root.getRunning(), std::move(*tokens)};
  });
}

byte_string encode_tokens(const std::vector<lease_token>& tokens) {
  capnp::MallocMessageBuilder message;
  auto list = message.initRoot<schema::LeaseBeat>().initTokens(static_cast<unsigned>(tokens.size()));
  for (unsigned i = 0; i < tokens.size(); ++i) list.set(i, tokens[i]);
  return to_bytes(message);
}

result<std::vector<lease_token>> decode_tokens(byte_view bytes) {
  return read_message<schema::LeaseBeat>(bytes, [](schema::LeaseBeat::Reader root) { return get_tokens(root.getTokens()); });
}

byte_string encode_result(const step_result& ended) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::StepResult>();
  root.setToken(ended.token);
  root.setJob(as_capnp_text(ended.job));
  root.setIndex(ended.index);
  root.setStarted(ended.started);
  root.setExitStatus(ended.exit_status);
  root.setWhy(as_capnp_text(ended.why));
  root.setEntries(as_data(ended.entries));
  root.setOutputBytes(ended.output_bytes);
  return to_bytes(message);
}

result<step_result> decode_result(byte_view bytes) {
  return read_message<schema::StepResult>(bytes, [](schema::StepResult::Reader root) -> result<step_result> {
    auto job = get_text(root.getJob(), limits::job_id_bytes_max);
    auto why = get_text(root.getWhy(), limits::failure_text_bytes_max);
    if (!job) return job.why();
    if (!why) return why.why();
    if (root.getEntries().size() > limits::staged_entries_bytes_max) return too_much("outputs");
    return step_result{root.getToken(),
                       *job,
                       root.getIndex(),
                       root.getStarted(),
                       root.getExitStatus(),
                       *why,
                       to_bytes(from_data(root.getEntries())),
                       root.getOutputBytes()};
  });
}

byte_string encode_taken(bool taken) {
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::StepResultAnswer>().setTaken(taken);
  return to_bytes(message);
}

result<bool> decode_taken(byte_view bytes) {
  return read_message<schema::StepResultAnswer>(
    bytes, [](schema::StepResultAnswer::Reader root) -> result<bool> { return root.getTaken(); });
}

byte_string encode_job(const ledger_job& job) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::LedgerJob>();
  root.setId(as_capnp_text(job.id));
  put_texts(root.initCommand(static_cast<unsigned>(job.command.size())), job.command);
  root.setEach(as_data(as_bytes(job.each)));
  root.setOut(as_data(as_bytes(job.out)));
  root.setRetries(job.retries);
  root.setStepTimeoutMs(static_cast<std::uint64_t>(to_ms_count(job.step_timeout)));
  root.setSubmittedMs(to_unix_ms(job.submitted));
  root.setInputCommit(as_capnp_text(job.input_commit));
  put_texts(root.initInputs(static_cast<unsigned>(job.inputs.size())), job.inputs);
  root.setCancelled(job.cancelled);
  return to_bytes(message);
}

result<ledger_job> decode_job(byte_view bytes) {
  return read_message<schema::LedgerJob>(bytes, [](schema::LedgerJob::Reader root) -> result<ledger_job> {
    auto id = get_text(root.getId(), limits::job_id_bytes_max);
    auto commit = get_text(root.getInputCommit(), limits::job_id_bytes_max);
    auto command = get_texts(root.getCommand(), limits::command_arguments_max, limits::command_bytes_max);
    auto inputs = get_texts(root.getInputs(), limits::steps_per_job_max, limits::job_inputs_bytes_max);
    if (!id) return id.why();
    if (!commit) return commit.why();
    if (!command) return command.why();
    if (!inputs) return inputs.why();
    return ledger_job{*id,
                      std::move(*command),
                      to_text(from_data(root.getEach())),
                      to_text(from_data(root.getOut())),
                      root.getRetries(),
                      step_timeout_of(root.getStepTimeoutMs()),
                      from_unix_ms(root.getSubmittedMs()),
                      *commit,
                      std::move(*inputs),
                      root.getCancelled()};
  });
}

byte_string encode_step(const ledger_step& step) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::LedgerStep>();
  root.setDone(step.done);
  root.setCancelled(step.cancelled);
  root.setExitStatus(step.exit_status);
  root.setAttempts(step.attempts);
  root.setNode(as_capnp_text(step.node));
  root.setWhy(as_capnp_text(step.why));
  return to_bytes(message);
}

result<ledger_step> decode_step(byte_view bytes) {
  return read_message<schema::LedgerStep>(bytes, [](schema::LedgerStep::Reader root) -> result<ledger_step> {
    return ledger_step{root.getDone(),     root.getCancelled(),       root.getExitStatus(),
                       root.getAttempts(), from_text(root.getNode()), from_text(root.getWhy())};
  });
}

byte_string job_prefix() { return to_bytes(std::string_view{"job/"}); }
byte_string epoch_key() { return to_bytes(std::string_view{"epoch"}); }

byte_string encode_epoch(std::uint32_t epoch) {
  byte_string out;
  append_le(out, epoch);
  return out;
}

result<std::uint32_t> decode_epoch(byte_view bytes) {
  if (bytes.size() != 4)
    return error{error_code::malformed, "the coordinator's epoch has " + std::to_string(bytes.size()) + " bytes"};
  return read_le<std::uint32_t>(bytes.data());
}

byte_string job_key(const std::string& id) { return to_bytes("job/" + id); }
byte_string step_prefix(const std::string& id) { return to_bytes("step/" + id + "/"); }

byte_string step_key(const std::string& id, std::uint64_t index) {
  auto key = step_prefix(id);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<std::uint8_t>(index >> shift)); // sorts by index
  return key;
}

result<std::uint64_t> step_index(byte_view key, const std::string& id) {
  auto prefix = step_prefix(id);
  if (key.size() != prefix.size() + 8 || !std::equal(prefix.begin(), prefix.end(), key.begin()))
    return {error_code::malformed, "not the key of a step of job " + id};
  std::uint64_t index = 0;
  for (auto byte : key.subspan(prefix.size())) index = (index << 8) | byte;
  return index;
}

} // namespace glow::jobs
