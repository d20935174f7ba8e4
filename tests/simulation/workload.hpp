/// What the people of a simulated mesh do: send requests and messages, open streams, put files, read them anywhere, run jobs.
/// Tells the checkers.
#pragma once

#include "tests/simulation/checkers.hpp"
#include "tests/simulation/simulated_mesh.hpp"
#include "tests/simulation/stream_traffic.hpp"

namespace glow::simulation {

class workload {
public:
  workload(simulated_mesh& mesh, std::uint64_t seed, violation_list& violations);

  void begin();
  /// No new work; what is under way goes on.
  void end() { working_ = false; }
  /// After quiet: every member reads every acknowledged object and lists the namespace, jobs are looked at, boxes are emptied.
  /// `done` is called when all answers are in.
  void check_all();
  bool all_checked() const { return outstanding_ == 0; }

  const delivery_checker& deliveries() const { return deliveries_; }
  const object_checker& objects() const { return objects_; }
  std::uint64_t jobs() const { return jobs_submitted_.size(); }
  std::uint64_t messages() const { return mail_.acknowledged(); }
  const stream_checker& streams() { return streams_.checker(); }
  plaintext_checker& plaintext() { return plaintext_; }

private:
  void repeat(duration mean, void (workload::*what)());
  void send_request_somewhere();
  void put_something();
  void read_something();
  void submit_job();
  void send_letter_somewhere();
  void take_letter_somewhere();
  void take_letter(std::size_t at, std::function<void(bool more)> then);
  void empty_box(std::size_t at);
  void open_stream_somewhere();
  void judge_streams(duration patience);
  void serve_on(std::size_t node);
  void put(std::size_t at, const std::string& path, byte_string content, std::function<void()> acknowledged = nullptr);
  void read(std::size_t at, const std::string& path, duration patience, std::function<void(result<byte_string>)> then);
  void check_jobs();
  std::size_t scaled(std::size_t bytes_max) const;
  byte_string some_content(std::size_t bytes_max);
  /// A node that is up, if a few throws find one.
  std::optional<std::size_t> some_node_up();

  struct submitted_job {
    std::string id;
    std::size_t at;
    std::uint64_t steps;
    std::string out;
  };
  simulated_mesh& mesh_;
  seeded_random random_;
  delivery_checker deliveries_;
  plaintext_checker plaintext_;
  object_checker objects_;
  replica_checker replicas_;
  job_checker job_check_;
  mail_checker mail_;
  stream_traffic streams_;
  bool working_ = false;
  std::uint64_t last_number_ = 0;
  std::map<std::size_t, std::uint64_t> served_lives_; ///< by node: the endpoint that its probe service is registered with
  std::vector<submitted_job> jobs_submitted_;
  std::size_t outstanding_ = 0;
  std::size_t boxes_left_ = 0; ///< to be emptied, before mail is judged
};

} // namespace glow::simulation
