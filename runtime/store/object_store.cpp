// Opening, nodes and their cache, the merged view. Commits: object_store_commits.cpp; versions: object_store_versions.cpp;
// peers: object_store_exchange.cpp.
#include "runtime/store/object_store.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/object_keys.hpp"
#include "runtime/store/tree_cursor.hpp"

#include <list>
#include <unordered_map>

namespace glow::store {

/// Decoded nodes, the least recently used leaves first.
struct object_store::node_cache {
  std::list<std::pair<object_address, node_ptr>> recent; ///< newest in front
  std::unordered_map<object_address, decltype(recent)::iterator> places;

  node_ptr find(const object_address& address) {
    auto place = places.find(address);
    if (place == places.end()) return nullptr;
    recent.splice(recent.begin(), recent, place->second);
    return place->second->second;
  }
  void add(const object_address& address, node_ptr node) {
    if (places.contains(address)) return;
    recent.emplace_front(address, std::move(node));
    places[address] = recent.begin();
    if (recent.size() > limits::tree_cache_nodes) {
      places.erase(recent.back().first);
      recent.pop_back();
    }
  }
};

object_store::object_store(database& db, const namespace_id& in, const identity::namespace_secret& secret)
  : in_{in}, chunks_{db, namespace_keys::derive(secret)}, gear_{make_gear_table(chunks_.keys().gear_key)},
    cache_{std::make_unique<node_cache>()} {}

object_store::~object_store() = default;

result<std::unique_ptr<object_store>> object_store::open(database& db, const namespace_id& in,
                                                         const identity::namespace_secret& secret) {
  auto marker = db.get(family::refs, namespace_key());
  if (!marker) return marker.why();
  if (*marker && namespace_id::from(**marker) != in)
    return error{error_code::replaced, "this database holds namespace " + to_short_string(namespace_id::from(**marker)) + ", not "
                                         + to_short_string(in) + ": start with another --home, or move its store away"};
  if (!*marker)
    if (auto put = db.put(family::refs, namespace_key(), in.view(), durable::yes); !put) return put.why();
  std::unique_ptr<object_store> opened{new object_store{db, in, secret}};
  if (auto read = opened->read_refs(); !read) return read.why();
  return opened;
}

result<void> object_store::read_refs() {
  std::vector<commit_id> tips;
  auto scanned = db().scan(family::refs, tip_prefix(), {}, [&](byte_view key, byte_view) {
    tips.push_back(commit_id::from(key.subspan(1)));
    return true;
  });
  if (!scanned) return scanned;
  version_vector vector;
  for (auto& tip : tips) {
    auto commit = get_commit(tip);
    if (!commit) return commit.why();
    if (!*commit) return error{error_code::tampered, "the store's tip " + to_short_string(tip) + " is not in its database"};
    for (auto& [device, sequence] : (*commit)->what.vector) {
      auto& known = vector[device];
      known = std::max(known, sequence);
    }
  }
  tips_ = std::move(tips);
  vector_ = std::move(vector);
  return {};
}

result<node_ptr> object_store::load(const object_address& address) {
  if (auto cached = cache_->find(address)) return cached;
  if (!node_batch_.empty()) // it may be one of ours that is on its way
    if (auto flushed = flush_nodes(); !flushed) return flushed.why();
  auto plain = chunks_.get_plain(object_kind::tree_node, address);
  if (!plain) return plain.why();
  if (!*plain) return node_ptr{};
  auto decoded = decode_node(**plain);
  if (!decoded) return decoded.why();
  auto node = std::make_shared<const tree_node>(std::move(*decoded));
  cache_->add(address, node);
  return node_ptr{node};
}

result<object_address> object_store::save(const tree_node& node) {
  auto address = chunks_.put_plain(object_kind::tree_node, encode_node(node), node_batch_);
  if (!address) return address;
  cache_->add(*address, std::make_shared<const tree_node>(node));
  if (node_batch_.size_bytes() >= limits::write_batch_bytes)
    if (auto flushed = flush_nodes(); !flushed) return flushed.why();
  return address;
}

result<void> object_store::flush_nodes() {
  if (node_batch_.empty()) return {};
  auto written = db().write(node_batch_, durable::no);
  if (!written) {
    forget_unwritten();
    return written;
  }
  node_batch_.clear();
  return {};
}

/// After a failed write the cache may hold nodes that are nowhere else.
void object_store::forget_unwritten() {
  node_batch_.clear();
  cache_ = std::make_unique<node_cache>();
}

namespace {

/// The greater stamp; of equal ones (a device that wrote twice under one sequence) the greater encoding, on every replica.
bool wins(const tree_entry& challenger, const tree_entry& holder) {
  if (challenger.stamp != holder.stamp) return challenger.stamp > holder.stamp;
  return encode_entries({challenger}) > encode_entries({holder});
}

} // namespace

or_missing<object_address> object_store::join(const object_address& into, const object_address& more) {
  using answer = std::variant<object_address, missing>;
  if (into.is_zero() || into == more) return answer{more};
  std::vector<tree_entry> winners;
  auto compared = diff_trees(*this, into, more, [&](const entry_difference& each) {
    if (each.after && (!each.before || wins(*each.after, *each.before))) winners.push_back(*each.after);
    return step::next;
  });
  if (!compared) return compared.why();
  if (auto absent = std::get_if<missing>(&*compared)) return answer{std::move(*absent)};
  return apply_changes(*this, *this, into, winners);
}

or_missing<object_address> object_store::join_all(const std::vector<commit_id>& tips) {
  using answer = std::variant<object_address, missing>;
  object_address joined;
  missing_list absent;
  for (auto& tip : tips) {
    auto commit = get_commit(tip);
    if (!commit) return commit.why();
    if (!*commit) return error{error_code::not_found, "commit " + to_short_string(tip) + " is not in the database"};
    auto root = join(joined, (*commit)->what.root);
    if (!root) return root;
    if (auto more = std::get_if<missing>(&*root))
      for (auto& each : more->addresses) absent.add(each);
    else
      joined = std::get<0>(*root);
  }
  if (!absent.empty()) return answer{absent.take()};
  if (auto flushed = flush_nodes(); !flushed) return flushed.why();
  return answer{joined};
}

or_missing<object_address> object_store::view() {
  if (view_tips_ == tips_) return std::variant<object_address, missing>{view_};
  auto joined = join_all(tips_);
  if (joined && std::holds_alternative<object_address>(*joined)) {
    view_ = std::get<object_address>(*joined);
    view_tips_ = tips_;
  }
  return joined;
}

or_missing<std::optional<tree_entry>> object_store::find(const object_address& root, std::string_view path) {
  return find_entry(*this, root, path);
}

or_missing<std::vector<directory_item>> object_store::list(const object_address& root, std::string_view directory) {
  return list_directory(*this, root, directory);
}

or_missing<std::monostate> object_store::each_below(const object_address& root, std::string_view path,
                                                    const entry_visitor& visit) {
  return scan_below(*this, root, path, visit);
}

or_missing<std::monostate> object_store::diff(const object_address& from, const object_address& to,
                                              const difference_visitor& visit) {
  return diff_trees(*this, from, to, visit);
}

} // namespace glow::store
