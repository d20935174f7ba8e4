// Making commits, and taking those of peers.
#include "runtime/base/base32.hpp"
#include "runtime/identity/record.hpp"
#include "runtime/store/file_writer.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/object_keys.hpp"
#include "runtime/store/object_store.hpp"
#include "runtime/store/tree_cursor.hpp"

#include <algorithm>
#include <numeric>

namespace glow::store {

namespace {

/// Where a list of chunks ends, drawn from the chunk's id, so that an insertion into a huge file changes few lists.
bool ends_chunk_list(const chunk_ref& last) { return read_le<std::uint32_t>(last.id.data()) % 1024 == 0; }

std::uint64_t sum_of(const version_vector& vector) {
  return std::accumulate(vector.begin(), vector.end(), std::uint64_t{0}, [](auto sum, auto& each) { return sum + each.second; });
}

/// Ascending by path; of several changes of one path the last stays. Errors: `usage`.
result<std::vector<tree_entry>> sort_changes(std::vector<tree_entry> changes) {
  for (auto& each : changes)
    if (auto good = check_path(each.path); !good) return good.why();
  std::stable_sort(changes.begin(), changes.end(), [](auto& a, auto& b) { return a.path < b.path; });
  std::vector<tree_entry> sorted;
  sorted.reserve(changes.size());
  for (auto& each : changes) {
    if (!sorted.empty() && sorted.back().path == each.path)
      sorted.back() = std::move(each);
    else
      sorted.push_back(std::move(each));
  }
  return sorted;
}

result<void> check_shape(tree_entry& entry) {
  auto refuse = [&](std::string why) -> result<void> { return error{error_code::usage, entry.path + " " + std::move(why)}; };
  if (entry.target.size() > limits::symlink_bytes_max) return refuse("is a symbolic link with a target that is too long");
  if (entry.kind != entry_kind::file) {
    if (!entry.chunks.empty() || !entry.chunk_lists.empty()) return refuse("is no file but has contents");
    return {};
  }
  if (!entry.chunks.empty() && !entry.chunk_lists.empty()) return refuse("has chunks of its own and in lists as well");
  if (!entry.chunk_lists.empty()) return {};
  std::uint64_t sum = 0;
  for (auto& each : entry.chunks) sum += each.plain_bytes;
  if (sum != entry.size)
    return refuse("has chunks of " + std::to_string(sum) + " bytes, but a size of " + std::to_string(entry.size));
  entry.content = content_of(entry.chunks);
  return {};
}

} // namespace

/// The changes that change something, stamped. Errors: `usage`, `not_found` (chunks), database.
or_missing<std::vector<tree_entry>> object_store::prepare_changes(std::vector<tree_entry> changes, const object_address& base,
                                                                  wall_time now, const node_id& device, std::uint64_t sequence) {
  using answer = std::variant<std::vector<tree_entry>, missing>;
  auto sorted = sort_changes(std::move(changes));
  if (!sorted) return sorted.why();
  tree_cursor at{*this};
  auto started = at.start(base);
  if (!started) return started.why();
  if (!*started) return answer{missing{{base}}};
  std::vector<tree_entry> real;
  missing_list absent;
  for (auto& change : *sorted) {
    if (auto shaped = check_shape(change); !shaped) return shaped.why();
    if (auto sought = at.seek(change.path); !sought) return sought.why();
    if (!at.done() && !at.at_entry()) {
      absent.add(at.subtree().address);
      continue;
    }
    auto old = !at.done() && at.entry().path == change.path ? &at.entry() : nullptr;
    if (old ? same_but_for_stamp(*old, change) : change.gone()) continue;
    change.stamp = {now, device, sequence};
    change.revision = 1;
    if (old) {
      // an entry dated at the end of all times stays readable when it is replaced
      change.stamp.time = std::max(now, std::min(old->stamp.time + 1ms, identity::record_time_max));
      change.revision = old->revision + 1;
    }
    if (auto checked = check_chunks(change); !checked) return checked.why();
    real.push_back(std::move(change));
  }
  if (!absent.empty()) return answer{absent.take()};
  return answer{std::move(real)};
}

/// Every named chunk is here; a long list moves out of the entry.
result<void> object_store::check_chunks(tree_entry& entry) {
  auto absent = [&](const object_address& address) {
    return error{error_code::not_found,
                 entry.path + " needs object " + to_short_string(address) + ", which is not here: fetch it first"};
  };
  for (auto& each : entry.chunks) {
    auto here = chunks_.has(each.address);
    if (!here) return here.why();
    if (!*here) return absent(each.address);
  }
  if (!entry.chunk_lists.empty()) {
    auto inside = chunks_of(chunks_, entry);
    if (!inside) return inside.why();
    if (auto lists = std::get_if<missing>(&*inside)) return absent(lists->addresses.front());
    for (auto& each : std::get<0>(*inside)) {
      auto here = chunks_.has(each.address);
      if (!here) return here.why();
      if (!*here) return absent(each.address);
    }
    return {};
  }
  if (entry.chunks.size() <= limits::inline_chunks_max) return {};
  std::vector<chunk_ref> list;
  for (auto& each : entry.chunks) {
    list.push_back(each);
    if (!ends_chunk_list(each) && list.size() < limits::chunk_list_chunks_max && &each != &entry.chunks.back()) continue;
    auto address = chunks_.put_plain(object_kind::chunk_list, encode_chunk_list(list), node_batch_);
    if (!address) return address.why();
    entry.chunk_lists.push_back(*address);
    list.clear();
  }
  if (entry.chunk_lists.size() > limits::file_chunk_lists_max)
    return error{error_code::exhausted, entry.path + " is larger than a file may be (about 1 TiB)"};
  entry.chunks.clear();
  return {};
}

or_missing<committed> object_store::commit_changes(std::vector<tree_entry> changes, std::string message, wall_time now,
                                                   const author& by, const write_batch& with) {
  auto made = try_commit(std::move(changes), std::move(message), now, by, with);
  if (!made || std::holds_alternative<missing>(*made)) forget_unwritten();
  return made;
}

or_missing<committed> object_store::try_commit(std::vector<tree_entry> changes, std::string message, wall_time now,
                                               const author& by, const write_batch& with) {
  using answer = std::variant<committed, missing>;
  if (message.size() > limits::commit_message_bytes_max)
    return error{error_code::usage, "commit message longer than " + std::to_string(limits::commit_message_bytes_max) + " bytes"};
  auto parents = parents_for(by.device);
  if (!parents) return parents.why();
  auto base = *parents == tips_ ? view() : join_all(*parents);
  if (!base) return base.why();
  if (auto absent = std::get_if<missing>(&*base)) return answer{std::move(*absent)};
  auto before = std::get<object_address>(*base);

  auto own = vector_.find(by.device);
  auto sequence = own == vector_.end() ? 1 : own->second + 1;
  auto real = prepare_changes(std::move(changes), before, now, by.device, sequence);
  if (!real) return real.why();
  if (auto absent = std::get_if<missing>(&*real)) return answer{std::move(*absent)};
  auto& entries = std::get<0>(*real);
  if (entries.empty()) {
    if (!with.empty())
      if (auto written = db().write(with, durable::yes); !written) return written.why();
    return answer{committed{tips_.empty() ? commit_id{} : tips_.back(), before, 0}};
  }

  auto root = apply_changes(*this, *this, before, entries);
  if (!root) return root.why();
  if (auto absent = std::get_if<missing>(&*root)) return answer{std::move(*absent)};
  auto after = std::get<object_address>(*root);
  auto made = make_commit(after, *parents, std::move(message), now, by);
  if (!made) return made.why();
  if (auto stored = store_commit(*made, durable::yes, with); !stored) return stored.why();
  if (whole_ == before) whole_ = after; // its new nodes are ours
  if (tips_.size() == 1) {
    view_ = after;
    view_tips_ = tips_;
  }
  return answer{committed{made->id, after, entries.size()}};
}

/// All tips; of more than a commit may have, as many as it may, the one that holds the device's own history among them.
/// The rest are the next commit's.
result<std::vector<commit_id>> object_store::parents_for(const node_id& device) {
  if (tips_.size() <= limits::commit_parents_max) return tips_;
  std::vector<commit_id> parents{tips_.begin(), tips_.begin() + limits::commit_parents_max};
  auto own = vector_.find(device);
  for (auto& tip : tips_) {
    auto held = get_commit(tip);
    if (!held) return held.why();
    if (own == vector_.end() || !*held) break;
    auto known = (*held)->what.vector.find(device);
    if (known == (*held)->what.vector.end() || known->second != own->second) continue;
    if (tip > parents.back()) parents.back() = tip;
    break;
  }
  return parents;
}

result<signed_commit> object_store::make_commit(const object_address& root, const std::vector<commit_id>& parents,
                                                std::string message, wall_time now, const author& by) {
  commit what;
  what.in = in_;
  what.root = root;
  what.parents = parents;
  what.device = by.device;
  what.time = now;
  what.message = std::move(message);
  for (auto& each : parents) {
    auto parent = get_commit(each);
    if (!parent) return parent.why();
    if (!*parent) return error{error_code::tampered, "commit " + to_short_string(each) + " is a tip but not in the database"};
    join_into(what.vector, (*parent)->what.vector);
    // so that "everything up to a time" is closed under ancestry, whatever the clocks say
    what.time = std::max(what.time, (*parent)->what.time);
  }
  what.sequence = ++what.vector[by.device];
  return sign_commit(what, by);
}

/// Commit, indexes, head and tips together with the nodes that wait: all or nothing.
result<void> object_store::store_commit(const signed_commit& made, durable when, const write_batch& with) {
  auto& what = made.what;
  write_batch batch = std::move(node_batch_);
  node_batch_ = {};
  batch.append(with);
  byte_string sum;
  append_le(sum, sum_of(what.vector));
  batch.put(family::meta, commit_key(made.id), made.bytes);
  batch.put(family::meta, device_key(what.device, what.sequence, made.id), sum);
  for (auto& parent : what.parents) batch.remove(family::refs, tip_key(parent));
  batch.put(family::refs, tip_key(made.id), {});
  auto known = vector_.find(what.device);
  if (known == vector_.end() || known->second < what.sequence) {
    byte_string newest;
    append_le(newest, what.sequence);
    append(newest, made.id.view());
    batch.put(family::refs, head_key(what.device), newest);
  }
  if (auto written = db().write(batch, when); !written) {
    forget_unwritten();
    if (auto again = read_refs(); !again) return written; // it may be on the disk after all; else the old tips stay
    return written;
  }
  std::erase_if(tips_, [&](auto& tip) { return std::binary_search(what.parents.begin(), what.parents.end(), tip); });
  tips_.insert(std::upper_bound(tips_.begin(), tips_.end(), made.id), made.id);
  join_into(vector_, what.vector);
  return {};
}

result<remote_commit_outcome> object_store::apply_remote_commit(byte_view bytes,
                                                                const std::function<bool(const node_id&)>& is_member,
                                                                durable when) {
  auto arrived = verify_commit(bytes);
  if (!arrived) return arrived.why();
  auto& what = arrived->what;
  using status = remote_commit_outcome::status;
  if (what.in != in_) return error{error_code::malformed, "commit of another namespace, " + to_short_string(what.in)};
  if (!is_member(what.device))
    return error{error_code::not_a_member,
                 "commit by " + to_short_string(what.device) + ", which is no member of this namespace"};
  auto known = db().contains(family::meta, commit_key(arrived->id));
  if (!known) return known.why();
  if (*known) return remote_commit_outcome{status::already_known, arrived->id, {}, {}};

  version_vector expected;
  std::vector<commit_id> absent;
  for (auto& id : what.parents) {
    auto parent = get_commit(id);
    if (!parent) return parent.why();
    if (*parent)
      join_into(expected, (*parent)->what.vector);
    else
      absent.push_back(id);
  }
  if (!absent.empty()) return remote_commit_outcome{status::waits_for, arrived->id, std::move(absent), {}};
  ++expected[what.device];
  if (expected != what.vector)
    return error{error_code::tampered,
                 "commit " + to_short_string(arrived->id) + " has a version vector that its parents do not give"};
  auto twin = twin_of(*arrived);
  if (!twin) return twin.why();
  if (auto stored = store_commit(*arrived, when); !stored) return stored.why();
  return remote_commit_outcome{status::applied, arrived->id, {}, *twin};
}

/// Another commit of the same device and sequence.
result<std::optional<commit_id>> object_store::twin_of(const signed_commit& arrived) {
  std::optional<commit_id> twin;
  auto prefix = device_key(arrived.what.device, arrived.what.sequence);
  auto scanned = db().scan(family::meta, prefix, {}, [&](byte_view key, byte_view) {
    if (key.size() == device_key_bytes) twin = commit_id::from(key.last(commit_id::size_bytes));
    return !twin;
  });
  if (!scanned) return scanned.why();
  return twin;
}

} // namespace glow::store
