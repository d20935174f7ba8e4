/// What the store's tests share: seeded contents, entries, nodes in a map, devices that sign.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/store/file_writer.hpp"
#include "runtime/store/memory_database.hpp"
#include "runtime/store/object_store.hpp"

#include <catch2/catch.hpp>
#include <sodium.h>

#include <map>
#include <set>

namespace store_fixture {

using namespace glow;
using namespace glow::store;

inline byte_string random_bytes(std::uint64_t seed, std::size_t size) {
  byte_string out(size);
  seeded_random{seed}.fill(out);
  return out;
}

inline identity::namespace_secret secret_of(std::uint8_t fill) {
  identity::namespace_secret secret;
  secret.value.fill(fill);
  return secret;
}

inline author device(std::uint8_t number) {
  (void)!sodium_init();
  std::array<std::uint8_t, crypto_sign_SEEDBYTES> seed{};
  seed.fill(number);
  byte_string public_key(32), secret_key(64);
  crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seed.data());
  return author_from_secret_key(secret_key);
}

inline tree_entry entry(std::string path, std::uint64_t size = 0) {
  tree_entry made;
  made.path = std::move(path);
  made.size = size; // distinguishes values in tests of trees, which never look at chunks
  made.stamp.sequence = 1;
  return made;
}

/// Nodes in a map, addressed by their bytes alone; some may be taken away.
class map_nodes final : public node_source, public node_sink {
public:
  std::map<object_address, node_ptr> held;
  std::size_t loads = 0, saves = 0;

  result<node_ptr> load(const object_address& address) override {
    ++loads;
    auto found = held.find(address);
    return found == held.end() ? node_ptr{} : found->second;
  }
  result<object_address> save(const tree_node& node) override {
    auto plain = encode_node(node);
    auto address = address_of(plain);
    auto decoded = decode_node(plain);
    REQUIRE(decoded);
    if (held.emplace(address, std::make_shared<const tree_node>(std::move(*decoded))).second) ++saves;
    return address;
  }
};

template <class T>
T got(or_missing<T> answer) {
  if (!answer) FAIL(answer.why().message);
  REQUIRE(std::holds_alternative<T>(*answer));
  return std::get<T>(std::move(*answer));
}
template <class T>
T got(result<T> answer) {
  if (!answer) FAIL(answer.why().message);
  return std::move(*answer);
}
inline void did(const result<void>& answer) {
  if (!answer) FAIL(answer.why().message);
}

inline std::vector<tree_entry> all_entries(node_source& nodes, const object_address& root) {
  std::vector<tree_entry> all;
  got(scan_entries(nodes, root, "", "", [&](const tree_entry& each) {
    all.push_back(each);
    return step::next;
  }));
  return all;
}

inline wall_time at_ms(std::int64_t ms) { return from_unix_ms(ms); }
inline const namespace_id test_namespace = namespace_id::from(byte_string(32, 7));

/// One replica: a database and the store over it.
struct replica {
  memory_database db;
  std::unique_ptr<object_store> store;
  author by;

  explicit replica(std::uint8_t number) : by{device(number)} { reopen(); }
  void reopen() { store = got(object_store::open(db, test_namespace, secret_of(1))); }
  void crash(std::size_t keep = 0) {
    store.reset();
    db.crash(keep);
    db.heal();
    reopen();
  }

  tree_entry file(std::string path, byte_view content) {
    file_writer writer{store->chunks(), store->gear()};
    did(writer.write(content));
    auto made = got(writer.finish());
    made.path = std::move(path);
    return made;
  }
  committed put(std::string path, std::string_view content, std::int64_t ms) {
    return got(store->commit_changes({file(std::move(path), as_bytes(content))}, "put", at_ms(ms), by));
  }
  committed remove(std::string path, std::int64_t ms) {
    return got(store->commit_changes({make_tombstone(std::move(path))}, "remove", at_ms(ms), by));
  }
  object_address view() { return got(store->view()); }
  std::optional<std::string> read(std::string_view path) {
    auto found = got(store->find(view(), path));
    if (!found || found->gone()) return std::nullopt;
    return to_text(got(read_file(store->chunks(), *found, 0, 1u << 30)));
  }
  result<remote_commit_outcome> hear(byte_view commit) {
    return store->apply_remote_commit(commit, [](const node_id&) { return true; });
  }
  /// Objects that `other` has; true when there was one at least.
  bool fetch(const missing& absent, replica& other) {
    bool some = false;
    for (auto& address : absent.addresses) {
      auto sealed = got(other.store->get_object(address));
      if (!sealed) continue;
      did(store->put_object(address, *sealed));
      some = true;
    }
    return some;
  }
  /// Everything that `other` has: commits, then objects as they are asked for.
  void pull(replica& other) {
    for (auto& each : got(other.store->commits_beyond(store->vector(), 1u << 20))) REQUIRE(hear(each));
    while (fetch(got(store->missing_of_tips(true)), other)) {}
  }
  /// The answer, with what is missing for it fetched from `other`.
  template <class Ask>
  auto ask_with(replica& other, Ask ask) {
    for (int rounds = 0;; ++rounds) {
      auto answer = ask();
      if (!answer) FAIL(answer.why().message);
      if (auto absent = std::get_if<missing>(&*answer)) {
        REQUIRE(rounds < 10);
        REQUIRE(fetch(*absent, other));
        continue;
      }
      return std::get<0>(std::move(*answer));
    }
  }
};

} // namespace store_fixture
