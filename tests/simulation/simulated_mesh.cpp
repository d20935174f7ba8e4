#include "tests/simulation/simulated_mesh.hpp"

#include <caf/send.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace glow::simulation {
namespace {

/// A service manager starts an agent again that ended by itself.
constexpr duration restart_after_escalation = 1s;
constexpr std::uint32_t job_slots = 2;

/// A mesh that starts has some thousand turns a node before time passes; a multiple of that is no progress.
std::uint64_t turns_max(std::size_t machines) { return 100'000 + 50'000 * machines; }

caf::behavior driver_behavior(caf::event_based_actor* self) {
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  return {[self](const driver_work& m) { m.work(self); }};
}

/// In memory where this user may, for speed.
std::string make_scratch() {
  for (std::filesystem::path where : {std::filesystem::path{"/dev/shm"}, std::filesystem::temp_directory_path()}) {
    auto path = (where / "glow-simulation.XXXXXX").string();
    if (::mkdtemp(path.data()) != nullptr) return path;
  }
  throw std::runtime_error{"no directory for job steps: neither /dev/shm nor the temporary one can be written"};
}

} // namespace

simulated_mesh::simulated_mesh(std::uint64_t seed, const topology& plan)
  : topology_{plan}, random_{seed}, engine_{random_.next_u64(), turns_max(plan.machines.size())},
    network_{engine_, random_.next_u64()}, scratch_{make_scratch()} {
  machines_.resize(plan.machines.size());
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    machines_[i].name = plan.machines[i];
    machines_[i].keys = std::make_shared<identity::node_keys>(identity::node_keys::generate(random_));
    numbers_[machines_[i].keys->id()] = i;
  }
  for (auto& each : plan.cables) network_.lay(each.a, each.b, *find_profile(each.profile));
  for (auto& [machine, box] : plan.nats) network_.set_nat(machine, box);
  make_namespace();
  driver_ = engine_.system().spawn(driver_behavior);
}

simulated_mesh::~simulated_mesh() {
  try {
    take_down();
  } catch (const std::exception&) {
    engine_.settle_at_last(); // whoever wants to know why has called take_down() before
  }
  std::error_code ignored;
  std::filesystem::remove_all(scratch_, ignored);
}

void simulated_mesh::take_down() {
  ending_ = true;
  parts_changed_ = nullptr;
  network_.set_tap(nullptr);
  for (std::size_t i = 0; i < machines_.size(); ++i) crash(i);
  if (driver_) caf::anon_send_exit(std::exchange(driver_, nullptr), caf::exit_reason::kill);
  engine_.settle();
  for (auto& each : machines_) each.plan = nullptr, each.parts = {}, each.root = nullptr;
  engine_.settle();
}

/// The first machine founds the namespace and admits all others, as if each had redeemed a ticket.
void simulated_mesh::make_namespace() {
  simulated_world founder{engine_, machines_[0].disk, machines_[0].clock, random_.next_u64()};
  auto state = identity::namespace_state::found("home", *machines_[0].keys, machines_[0].name, founder.wall_now(), random_);
  for (std::size_t i = 1; i < machines_.size(); ++i) {
    auto invitation = state.create_ticket(15min, identity::role::member, founder.wall_now(), random_);
    if (!invitation) throw std::runtime_error{"invite: " + invitation.why().message};
    auto ticket = identity::parse_ticket(invitation->text);
    if (!ticket) throw std::runtime_error{"ticket: " + ticket.why().message};
    auto admitted = state.redeem_ticket(ticket->id(), machines_[i].keys->id(), machines_[i].name, founder.wall_now());
    if (!admitted) throw std::runtime_error{"admit: " + admitted.why().message};
    machines_[i].disk->files["namespace"] = *admitted;
  }
  // every machine has heard of all members and their places by now: the mesh comes back, it is not new
  std::vector<std::set<std::string>> schemes(machines_.size());
  for (std::size_t i = 0; i < network_.cables(); ++i)
    for (int end : {0, 1}) schemes[network_.end_of(i, end)].insert(network_.profile_of(i).scheme);
  auto remember_places = [&](identity::namespace_state& known) {
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      std::vector<channel_uri> places;
      for (auto& each : schemes[i]) places.push_back(place_of(static_cast<machine_number>(i), each));
      known.remember_addresses(machines_[i].keys->id(), places);
    }
  };
  remember_places(state);
  auto records = identity::encode_records(state.log().all());
  for (std::size_t i = 1; i < machines_.size(); ++i) {
    auto known = identity::namespace_state::decode(machines_[i].disk->files["namespace"], *machines_[i].keys);
    if (!known) throw std::runtime_error{"admission: " + known.why().message};
    if (auto merged = known->merge(records); !merged) throw std::runtime_error{"records: " + merged.why().message};
    remember_places(*known);
    machines_[i].disk->files["namespace"] = known->encode();
  }
  machines_[0].disk->files["namespace"] = state.encode();
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    auto home = scratch_ + "/" + std::to_string(i);
    machines_[i].disk->files[namespace_path(home)] = std::move(machines_[i].disk->files["namespace"]);
    machines_[i].disk->files.erase("namespace");
  }
}

std::size_t simulated_mesh::number_of(const node_id& node) const {
  auto found = numbers_.find(node);
  return found == numbers_.end() ? machines_.size() : found->second;
}

void simulated_mesh::send_work(std::function<void(caf::event_based_actor*)> work) {
  if (driver_) caf::anon_send(driver_, driver_work{std::move(work)});
}

void simulated_mesh::start(std::size_t number) {
  auto& it = machines_[number];
  if (it.is_up() || ending_) return;
  ++it.incarnation;
  it.world = std::make_shared<simulated_world>(engine_, it.disk, it.clock, random_.next_u64());
  agent_options options;
  options.home = scratch_ + "/" + std::to_string(number);
  options.node_name = it.name;
  options.discovery = false;
  options.control = false;
  options.job_slots = job_slots;
  std::set<std::string> schemes;
  for (std::size_t i = 0; i < network_.cables(); ++i)
    for (int end : {0, 1}) {
      if (network_.end_of(i, end) != number) continue;
      auto& profile = network_.profile_of(i);
      schemes.insert(profile.scheme);
      options.peers.push_back(place_of(network_.end_of(i, 1 - end), profile.scheme, profile.declared_class));
    }
  for (auto& each : schemes) options.listen.push_back(place_of(static_cast<machine_number>(number), each));
  options.transports =
    simulated_catalog(network_, engine_, static_cast<machine_number>(number), {schemes.begin(), schemes.end()}, it.world->life());
  auto file = it.world->read_file(namespace_path(options.home), limits::namespace_file_bytes_max);
  auto state = identity::namespace_state::decode(*file, *it.keys);
  if (!state) throw std::runtime_error{it.name + ": " + state.why().message};
  it.plan =
    std::make_shared<node_plan>(node_plan{std::move(options), it.keys, state->current_roster(), surroundings{it.world}, {}});
  it.plan->parts.self = it.keys->id();
  it.plan->parts.home = it.plan->options.home;
  it.plan->parts.started = engine_.now();
  auto incarnation = it.incarnation;
  engine_.act_for(static_cast<owner_number>(number), [&] {
    it.root = start_node(engine_.system(), it.plan, [this, number, incarnation](const node_parts& now) {
      if (machines_[number].incarnation != incarnation) return;
      machines_[number].parts = now;
      if (parts_changed_) parts_changed_(number);
    });
  });
  it.root->attach_functor([this, number, incarnation](const caf::error&) {
    auto& ended = machines_[number];
    if (ended.incarnation != incarnation || !ended.is_up() || ending_) return;
    ++ended.escalations;
    engine_.at(engine_.now(), [this, number, incarnation] {
      if (machines_[number].incarnation != incarnation || !machines_[number].is_up()) return;
      end_incarnation(number);
      engine_.after(restart_after_escalation, [this, number] { start(number); });
    });
  });
}

void simulated_mesh::start_all() {
  for (std::size_t i = 0; i < machines_.size(); ++i) start(i);
}

void simulated_mesh::sleep(std::size_t number) {
  auto& it = machines_[number];
  if (!it.is_awake()) return;
  it.asleep = true;
  engine_.freeze(static_cast<owner_number>(number));
  network_.switch_off(static_cast<machine_number>(number), true);
}

void simulated_mesh::wake(std::size_t number) {
  auto& it = machines_[number];
  if (!it.asleep) return;
  it.asleep = false;
  engine_.thaw(static_cast<owner_number>(number));
  network_.switch_off(static_cast<machine_number>(number), false);
}

void simulated_mesh::end_incarnation(std::size_t number) {
  auto& it = machines_[number];
  wake(number);
  it.world->die();
  it.world = nullptr;
  it.parts = {};
  if (it.root) caf::anon_send_exit(it.root, caf::exit_reason::kill);
  it.root = nullptr;
  it.plan = nullptr;
}

void simulated_mesh::crash(std::size_t number, std::size_t keep_undurable) {
  auto& it = machines_[number];
  if (!it.is_up()) return;
  end_incarnation(number);
  it.disk->database->crash(keep_undurable);
}

void simulated_mesh::stop(std::size_t number) {
  auto& it = machines_[number];
  if (!it.is_awake()) return;
  auto incarnation = it.incarnation;
  auto end = [this, number, incarnation] {
    if (machines_[number].incarnation == incarnation && machines_[number].is_up()) end_incarnation(number);
  };
  if (!it.parts.links) return end();
  ask<mesh_left>(
    it.parts.links, 500ms, leave_mesh{}, [end](mesh_left&) { end(); }, [end](const error&) { end(); });
}

} // namespace glow::simulation
