#include "runtime/store/tree_node.hpp"

#include "runtime/store/entry_codec.hpp"
#include "runtime/store/limits.hpp"

#include <numeric>

namespace glow::store {

std::uint64_t tree_node::entry_count() const {
  if (level == 0) return entries.size();
  return std::accumulate(children.begin(), children.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const node_ref& each) { return sum + each.entries; });
}

byte_string encode_node(const tree_node& node) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::TreeNode>();
  root.setLevel(node.level);
  if (node.level == 0) {
    device_table devices;
    auto list = root.initEntries(static_cast<unsigned>(node.entries.size()));
    for (unsigned i = 0; i < list.size(); ++i) write_entry(list[i], node.entries[i], devices);
    root.setDevices(as_data(devices.bytes()));
  } else {
    auto list = root.initChildren(static_cast<unsigned>(node.children.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setLastKey(as_data(as_bytes(node.children[i].last_key)));
      list[i].setAddress(as_data(node.children[i].address.view()));
      list[i].setEntries(node.children[i].entries);
    }
  }
  return canonical_bytes(root.asReader());
}

namespace {

error broken_node(std::string_view why) { return {error_code::malformed, "tree node " + std::string{why}}; }

result<tree_node> read_leaf(schema::TreeNode::Reader root) {
  tree_node node;
  auto devices = from_data(root.getDevices());
  for (auto each : root.getEntries()) {
    auto entry = read_entry(each, devices);
    if (!entry) return entry.why();
    if (!node.entries.empty() && entry->path <= node.entries.back().path) return broken_node("with entries out of order");
    node.entries.push_back(std::move(*entry));
  }
  if (node.entries.empty()) return broken_node("without entries");
  return node;
}

result<tree_node> read_inner(schema::TreeNode::Reader root) {
  tree_node node;
  node.level = root.getLevel();
  for (auto each : root.getChildren()) {
    auto key = from_data(each.getLastKey());
    if (key.empty() || key.size() > limits::path_bytes_max || each.getAddress().size() != object_address::size_bytes)
      return broken_node("with a broken child");
    node_ref child{to_text(key), object_address::from(from_data(each.getAddress())), each.getEntries()};
    if (!node.children.empty() && child.last_key <= node.children.back().last_key)
      return broken_node("with children out of order");
    node.children.push_back(std::move(child));
  }
  if (node.children.empty()) return broken_node("without children");
  return node;
}

} // namespace

result<tree_node> decode_node(byte_view plain) {
  return read_message<schema::TreeNode>(plain, [](schema::TreeNode::Reader root) -> result<tree_node> {
    if (root.getLevel() >= limits::tree_levels_max) return broken_node("of an impossible level");
    if (root.getEntries().size() > limits::tree_node_items_max || root.getChildren().size() > limits::tree_node_items_max)
      return broken_node("with too many items");
    return root.getLevel() == 0 ? read_leaf(root) : read_inner(root);
  });
}

byte_string encode_chunk_list(const std::vector<chunk_ref>& chunks) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::ChunkList>();
  root.setChunks(as_data(pack_chunks(chunks)));
  return canonical_bytes(root.asReader());
}

result<std::vector<chunk_ref>> decode_chunk_list(byte_view plain) {
  return read_message<schema::ChunkList>(plain, [](schema::ChunkList::Reader root) -> result<std::vector<chunk_ref>> {
    return unpack_chunks(from_data(root.getChunks()), limits::chunk_list_chunks_max);
  });
}

} // namespace glow::store
