/// Tree nodes of the database for whoever reads trees beside the object_store, which belongs to the front's thread.
#pragma once

#include "runtime/store/chunk_store.hpp"
#include "runtime/store/tree.hpp"

namespace glow {

class tree_nodes final : public store::node_source {
public:
  explicit tree_nodes(store::chunk_store& chunks) : chunks_{chunks} {}
  result<store::node_ptr> load(const store::object_address& address) override {
    auto plain = chunks_.get_plain(store::object_kind::tree_node, address);
    if (!plain.ok()) return plain.why();
    if (!plain->has_value()) return store::node_ptr{};
    auto node = store::decode_node(**plain);
    if (!node.ok()) return node.why();
    return std::make_shared<const store::tree_node>(std::move(*node));
  }

private:
  store::chunk_store& chunks_;
};

} // namespace glow
