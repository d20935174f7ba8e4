/// Machines, cables between them, and the production node on each: the same supervision tree that an agent starts, with
/// simulated media, files and databases below. Refuses to decide what goes wrong (faults) and what is right (checkers).
#pragma once

#include "actors/node.hpp"
#include "runtime/identity/namespace_state.hpp"
#include "tests/simulation/simulated_medium.hpp"
#include "tests/simulation/simulated_world.hpp"
#include "tests/simulation/topology.hpp"

#include <caf/event_based_actor.hpp>

namespace glow::simulation {

/// mesh → its driver: work that needs an actor to ask others.
struct driver_work {
  std::function<void(caf::event_based_actor*)> work;
};

/// One machine, and the incarnation of its agent that runs now.
struct machine {
  std::string name;
  std::shared_ptr<const identity::node_keys> keys;
  std::shared_ptr<machine_disk> disk = std::make_shared<machine_disk>();
  std::shared_ptr<machine_clock> clock = std::make_shared<machine_clock>();
  std::shared_ptr<simulated_world> world; ///< null while the agent is down
  std::shared_ptr<node_plan> plan;
  caf::actor root;
  node_parts parts;
  std::uint64_t incarnation = 0;
  std::uint64_t escalations = 0; ///< times its supervisor gave up
  bool asleep = false;
  bool is_up() const { return world != nullptr; }
  bool is_awake() const { return is_up() && !asleep; }
};

class simulated_mesh {
public:
  /// Lays the cables and makes every machine a member of one namespace; starts none.
  simulated_mesh(std::uint64_t seed, const topology& plan);
  /// Ends every agent and runs until all actors are gone.
  ~simulated_mesh();
  simulated_mesh(const simulated_mesh&) = delete;
  simulated_mesh& operator=(const simulated_mesh&) = delete;

  engine& runs() { return engine_; }
  network& wires() { return network_; }
  random_source& random() { return random_; }
  std::size_t size() const { return machines_.size(); }
  machine& at(std::size_t number) { return machines_[number]; }
  node_id id_of(std::size_t number) const { return machines_[number].keys->id(); }
  /// The machine with this node; size() when there is none.
  std::size_t number_of(const node_id& node) const;

  /// Called whenever a node's actors changed, at its start and when one was replaced.
  void on_parts(std::function<void(std::size_t number)> tell) { parts_changed_ = std::move(tell); }
  void start(std::size_t number);
  void start_all();
  /// kill -9 and loss of power: memory is gone, the database is as of the last sync, of later writes `keep` at most survive.
  void crash(std::size_t number, std::size_t keep_undurable = 0);
  /// Ends every agent for good. Throws std::runtime_error when actors spin instead of ending.
  void take_down();
  /// As `glow down`: goodbyes, then an orderly stop.
  void stop(std::size_t number);
  /// The lid is closed: no actor has a turn, no wire carries anything, the calendar goes on. A machine that is down stays so.
  void sleep(std::size_t number);
  void wake(std::size_t number);

  /// Asks an actor, and calls back with the answer or the error. Nothing is called when the mesh ends before.
  template <class Answer, class Handle, class Question>
  void ask(const Handle& whom, duration timeout, Question question, std::function<void(Answer&)> then,
           std::function<void(const error&)> otherwise = nullptr) {
    send_work([=, question = std::make_shared<Question>(std::move(question))](caf::event_based_actor* self) {
      self->request(whom, timeout, std::move(*question))
        .then([then](Answer& answer) { then(answer); },
              [otherwise](caf::error& why) {
                if (otherwise) otherwise(from_caf(why));
              });
    });
  }
  /// The state of a node's actor, looked at between two turns. Null while there is none.
  template <class Self, class Handle>
  static auto* state_of(const Handle& handle) {
    using actor_type = std::remove_pointer_t<Self>;
    auto pointer = caf::actor_cast<caf::strong_actor_ptr>(handle);
    auto* found = pointer ? dynamic_cast<actor_type*>(caf::actor_cast<caf::abstract_actor*>(pointer)) : nullptr;
    return found && !found->getf(caf::abstract_actor::is_terminated_flag) ? &found->state : nullptr;
  }

private:
  void send_work(std::function<void(caf::event_based_actor*)> work);
  void make_namespace();
  void end_incarnation(std::size_t number);

  topology topology_;
  seeded_random random_;
  engine engine_;
  network network_;
  std::string scratch_; ///< real directory for the files of job steps, in memory where the system has such a place
  std::vector<machine> machines_;
  std::map<node_id, std::size_t> numbers_;
  caf::actor driver_;
  std::function<void(std::size_t)> parts_changed_;
  bool ending_ = false;
};

} // namespace glow::simulation

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(glow::simulation::driver_work)
