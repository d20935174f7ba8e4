/// Nodes of the prolly tree: a leaf holds entries, an inner node its children, in byte order of their keys. A node is an
/// object like any other: sealed and addressed, so that a peer without keys may hold and serve it.
/// Refuses to decide where nodes end (tree_builder.cpp does).
#pragma once

#include "runtime/store/chunk.hpp"
#include "runtime/store/tree_entry.hpp"

#include <memory>
#include <variant>

namespace glow::store {

/// A child of an inner node.
struct node_ref {
  std::string last_key; ///< greatest path below
  object_address address;
  std::uint64_t entries = 0; ///< below it, tombstones included
  bool operator==(const node_ref&) const = default;
};

/// Level 0: `entries`; above: `children` of level - 1. Never empty: the empty tree has no node.
struct tree_node {
  std::uint8_t level = 0;
  std::vector<tree_entry> entries;
  std::vector<node_ref> children;

  const std::string& last_key() const { return level == 0 ? entries.back().path : children.back().last_key; }
  std::uint64_t entry_count() const;
};
using node_ptr = std::shared_ptr<const tree_node>;

/// The plaintext of a node object: canonical Cap'n Proto, so that equal nodes have equal bytes everywhere.
byte_string encode_node(const tree_node& node);
/// Errors: `malformed` (bounds, order of keys, empty node).
result<tree_node> decode_node(byte_view plain);

/// Plaintext of a chunk list object, and back. Errors: `malformed`.
byte_string encode_chunk_list(const std::vector<chunk_ref>& chunks);
result<std::vector<chunk_ref>> decode_chunk_list(byte_view plain);

/// Where tree algorithms get their nodes: the store with its cache, or a map in tests.
class node_source {
public:
  virtual ~node_source() = default;
  /// Null when the object is not here (yet). Errors: those of the database, `tampered`, `malformed`.
  virtual result<node_ptr> load(const object_address& address) = 0;
};
/// Where a builder puts the nodes it makes.
class node_sink {
public:
  virtual ~node_sink() = default;
  /// Stores the node, sealed; returns its address. Called children first.
  virtual result<object_address> save(const tree_node& node) = 0;
};

} // namespace glow::store
