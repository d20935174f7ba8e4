/// State of the store's front, shared by the files that make up the actor: store, commands, fetching, sync.
#pragma once

#include "actors/contracts/lifecycle.hpp"
#include "actors/store/changes.hpp"
#include "actors/store/store.hpp"
#include "runtime/store/file_writer.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/object_store.hpp"
#include "runtime/store/want_list.hpp"

#include <deque>

namespace glow {

/// A command whose answer may need objects from peers. `attempt` answers its promise, unless objects are missing; it is
/// called again when they have come. `fail` answers with an error.
struct question {
  std::string what; ///< "ls /docs": begins error messages
  duration timeout{};
  std::set<node_id> holders; ///< who is told to have the missing objects; empty: any member
  std::function<std::optional<store::missing>()> attempt;
  std::function<void(const error&)> fail;
};

/// A want under way, and whom it concerns.
struct fetch_under_way {
  fetch_objects asked;
  std::function<void()> here;
  std::function<void(const error&)> failed;
};

/// What is known of one peer's commits.
struct peer_commits {
  store::version_vector holds;       ///< as it said last
  store::version_vector offered;     ///< as it will hold once it has taken what was sent to it
  store::version_vector said;        ///< ours, as it knows it if everything arrived
  store::version_vector said_before; ///< the same without our last word, which may be on its way
  bool doubtful = false;             ///< `holds` is not what its digest says: the next message asks for the whole
  bool known = false;                ///< it has spoken
  bool exchanging = false;
  bool again = false; ///< exchange once more after this one
};

/// Commits of a peer that wait for the trees they name.
struct commit_page {
  node_id from;
  std::vector<store::signed_commit> commits; ///< parents first
};

struct upload {
  std::string path;
  std::unique_ptr<store::file_writer> writer;
  steady_time last_write{};
};

struct store_state;
using store_self = caf::stateful_actor<store_state, pool_hosted<store_front_actor::base>>*;

struct store_state : actor_lifecycle {
  static inline const char* name = "glow.store";
  std::string json() const;

  std::optional<store_arguments> given; ///< always there once the behaviour runs
  std::shared_ptr<store::database> database;
  std::unique_ptr<store::object_store> objects;
  store::author author;
  std::uint64_t writes = 0; ///< commits, fetches and imports so far: whether a failed import was alone

  // fetching
  store::want_list wants;
  std::map<std::uint64_t, fetch_under_way> fetches;
  std::uint64_t last_fetch = 0;
  std::size_t questions = 0; ///< that wait for objects

  // sync
  std::set<node_id> reachable;  ///< members
  std::set<node_id> neighbours; ///< of these, and those behind guests: news go to them, and from them on to the others
  std::optional<node_id> last_farther;
  steady_time farther_due = steady_time::max(); ///< when the next one of the others is asked
  std::map<node_id, peer_commits> peers;
  std::deque<commit_page> pages;
  bool page_under_way = false;
  std::shared_ptr<const std::vector<route_info>> routes;
  duration retry_pause = limits::sync_retry_pause; ///< doubles while nothing helps

  // commands
  std::map<std::uint64_t, upload> uploads;
  std::uint64_t last_upload = 0;
  std::size_t workers = 0;
  steady_time memory_given_back{};
  std::size_t imports = 0; ///< of the workers
  std::deque<std::function<void()>> work_waiting;

  steady_time tick_due = steady_time::max();
};

/// Has store_tick come within `wait`, or earlier where that is armed already.
void tick_within(store_self self, duration wait);
std::string name_of(const store_state& state, const node_id& node);

// ---- fetching.cpp ------------------------------------------------------------------------------------------------
/// Brings objects here; calls `here` or `failed` later, never both.
void fetch(store_self self, fetch_objects wanted, std::function<void()> here, std::function<void(const error&)> failed);
void ask(store_self self, question asked);
/// Carries out what the want list decided.
void perform(store_self self, store::want_effects&& todo);
result<byte_string> answer_fetch(store_self self, byte_view request);

// ---- sync.cpp ----------------------------------------------------------------------------------------------------
/// After a commit of this node, or one that came from a peer: tell whoever lacks it.
void announce_commits(store_self self);
/// Null: the routes of last time, with another roster.
void take_routes(store_self self, const std::shared_ptr<const std::vector<route_info>>& routes);
void retry_exchanges(store_self self);
result<byte_string> answer_heads(store_self self, const node_id& from, byte_view request);

// ---- commands.cpp ------------------------------------------------------------------------------------------------
/// Makes a commit of the plan, or returns what is missing for it. Answers one of the two functions otherwise.
struct commit_handlers {
  std::function<void(const store::committed&, const planned_changes&)> done;
  std::function<void(const error&)> fail;
};
std::optional<store::missing> commit(store_self self, store::or_missing<planned_changes> plan, const std::string& message,
                                     const commit_handlers& then, const store::write_batch& with = {});
caf::typed_response_promise<put_done> put(store_self self, const put_path& asked);
caf::typed_response_promise<get_done> get(store_self self, const get_path& asked);
caf::typed_response_promise<path_removed> remove(store_self self, const remove_path& asked);
caf::typed_response_promise<put_done> copy(store_self self, const copy_path& asked);
caf::typed_response_promise<staged_outputs> stage(store_self self, const stage_outputs& asked);
caf::typed_response_promise<put_done> commit_staged(store_self self, const commit_outputs& asked);

// ---- uploads.cpp -------------------------------------------------------------------------------------------------
result<upload_opened> begin_upload(store_self self, const open_upload& asked);
result<upload_written> continue_upload(store_self self, const write_upload& asked);
caf::typed_response_promise<put_done> end_upload(store_self self, const close_upload& asked);

/// As a failed answer: one line, whatever bytes names hold.
caf::error to_answer(const error& why);

} // namespace glow
