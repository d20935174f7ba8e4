// What peers ask, and what to ask them.
#include "runtime/store/file_writer.hpp"
#include "runtime/store/limits.hpp"
#include "runtime/store/object_keys.hpp"
#include "runtime/store/object_store.hpp"
#include "runtime/store/tree_cursor.hpp"

#include <algorithm>

namespace glow::store {

result<std::vector<head>> object_store::list_heads() {
  std::vector<head> heads;
  auto scanned = db().scan(family::refs, head_prefix(), {}, [&](byte_view key, byte_view value) {
    if (key.size() == 33 && value.size() == 40)
      heads.push_back({node_id::from(key.subspan(1)), read_le<std::uint64_t>(value.data()), commit_id::from(value.subspan(8))});
    return true;
  });
  if (!scanned) return scanned.why();
  return heads;
}

result<std::optional<signed_commit>> object_store::get_commit(const commit_id& id) {
  auto bytes = db().get(family::meta, commit_key(id));
  if (!bytes) return bytes.why();
  if (!*bytes) return std::optional<signed_commit>{};
  auto commit = decode_commit(**bytes);
  if (!commit) return commit.why();
  return std::optional{std::move(*commit)};
}

result<std::vector<commit_id>> object_store::list_missing_commits(const std::vector<commit_id>& of_peer) {
  std::vector<commit_id> absent;
  for (auto& id : of_peer) {
    auto here = db().contains(family::meta, commit_key(id));
    if (!here) return here.why();
    if (!*here) absent.push_back(id);
  }
  return absent;
}

result<std::vector<byte_string>> object_store::commits_beyond(const version_vector& peer_has, std::size_t bytes_max) {
  std::vector<std::pair<std::uint64_t, commit_id>> wanted; // ascending sums of version vectors: parents first
  for (auto& [device, ours] : vector_) {
    auto theirs = peer_has.find(device);
    auto first = theirs == peer_has.end() ? 1 : theirs->second + 1;
    if (first == 0 || first > ours) continue;
    auto scanned = db().scan(family::meta, device_key(device), device_key(device, first), [&](byte_view key, byte_view sum) {
      if (key.size() == device_key_bytes && sum.size() == 8)
        wanted.emplace_back(read_le<std::uint64_t>(sum.data()), commit_id::from(key.last(commit_id::size_bytes)));
      return true;
    });
    if (!scanned) return scanned.why();
  }
  std::sort(wanted.begin(), wanted.end());
  std::vector<byte_string> commits;
  std::size_t bytes_sum = 0;
  for (auto& [sum, id] : wanted) {
    auto bytes = db().get(family::meta, commit_key(id));
    if (!bytes) return bytes.why();
    if (!*bytes) return error{error_code::tampered, "a commit is in the index but not in the database"};
    bytes_sum += (*bytes)->size();
    if (!commits.empty() && (bytes_sum > bytes_max || commits.size() == limits::commits_per_answer_max)) break;
    commits.push_back(std::move(**bytes));
  }
  return commits;
}

result<missing> object_store::missing_of_tips(bool with_chunks) {
  auto have = [&](const object_address& address) { return chunks_.has(address); };
  auto lists = [&](const object_address& address) -> result<std::optional<std::vector<chunk_ref>>> {
    auto plain = chunks_.get_plain(object_kind::chunk_list, address);
    if (!plain) return plain.why();
    if (!*plain) return std::optional<std::vector<chunk_ref>>{};
    auto chunks = decode_chunk_list(**plain);
    if (!chunks) return chunks.why();
    return std::optional{std::move(*chunks)};
  };
  missing_list absent;
  for (auto& tip : tips_) {
    auto commit = get_commit(tip);
    if (!commit) return commit.why();
    if (!*commit) continue;
    auto& root = (*commit)->what.root;
    auto known = with_chunks ? object_address{} : whole_; // whose chunks need not be here
    auto more = missing_objects(*this, known, root, have, lists, with_chunks);
    if (!more) return more;
    if (more->addresses.empty()) whole_ = root;
    for (auto& each : more->addresses) absent.add(each);
  }
  return absent.take();
}

result<missing> object_store::missing_below(const object_address& root, std::string_view path) {
  missing_list absent;
  error failed{error_code::none, {}};
  auto scanned = scan_below(*this, root, path, [&](const tree_entry& entry) {
    auto chunks = chunks_of(chunks_, entry);
    if (!chunks) {
      failed = chunks.why();
      return step::stop;
    }
    if (auto lists = std::get_if<missing>(&*chunks)) {
      for (auto& each : lists->addresses) absent.add(each);
      return absent.full() ? step::stop : step::next;
    }
    for (auto& each : std::get<0>(*chunks)) {
      auto here = chunks_.has(each.address);
      if (!here) {
        failed = here.why();
        return step::stop;
      }
      if (!*here) absent.add(each.address);
    }
    return absent.full() ? step::stop : step::next;
  });
  if (!scanned) return scanned.why();
  if (failed.code != error_code::none) return failed;
  if (auto nodes = std::get_if<missing>(&*scanned))
    for (auto& each : nodes->addresses) absent.add(each);
  return absent.take();
}

} // namespace glow::store
