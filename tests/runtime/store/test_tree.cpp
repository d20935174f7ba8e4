#include "runtime/store/tree.hpp"

#include "tests/runtime/store/store_fixture.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <ctime>

using namespace store_fixture;

namespace {

using entry_map = std::map<std::string, tree_entry>;

std::vector<tree_entry> sorted(const entry_map& entries) {
  std::vector<tree_entry> out;
  for (auto& [path, each] : entries) out.push_back(each);
  return out;
}

object_address build(map_nodes& nodes, const entry_map& entries) { return got(apply_changes(nodes, nodes, {}, sorted(entries))); }

entry_map numbered(std::size_t count) {
  entry_map entries;
  for (std::size_t i = 0; i < count; ++i) {
    auto path = "/folder" + std::to_string(i % 37) + "/file" + std::to_string(i);
    entries[path] = entry(path, i);
  }
  return entries;
}

} // namespace

TEST_CASE("the same entries give the same root whatever the order of edits") {
  REQUIRE(rc::check("history independence", [](std::uint64_t seed) {
    map_nodes nodes;
    seeded_random random{seed};
    auto count = *rc::gen::inRange<std::size_t>(0, 700);
    auto entries = numbered(count);
    auto pool = sorted(entries);
    for (std::size_t i = pool.size(); i > 1; --i) std::swap(pool[i - 1], pool[random.next_below(i)]);
    object_address root;
    while (!pool.empty()) {
      auto size = std::min<std::size_t>(pool.size(), 1 + random.next_below(120));
      std::vector<tree_entry> some(pool.end() - static_cast<std::ptrdiff_t>(size), pool.end());
      pool.resize(pool.size() - size);
      std::sort(some.begin(), some.end(), [](auto& a, auto& b) { return a.path < b.path; });
      auto draft = some; // first with other values, then the right ones
      for (auto& each : draft) each.size += 1;
      root = got(apply_changes(nodes, nodes, root, draft));
      root = got(apply_changes(nodes, nodes, root, some));
    }
    RC_ASSERT(root == build(nodes, entries));
    RC_ASSERT(all_entries(nodes, root) == sorted(entries));
  }));
}

TEST_CASE("large entries, which end nodes by their size, keep the tree independent of history") {
  map_nodes nodes;
  entry_map entries = numbered(300);
  for (auto& [path, each] : entries) each.chunks.resize(each.size % 3 == 0 ? 64 : 1);
  auto whole = build(nodes, entries);
  object_address root;
  std::vector<tree_entry> odd, even;
  for (auto& each : sorted(entries)) (each.size % 2 ? odd : even).push_back(each);
  root = got(apply_changes(nodes, nodes, root, odd));
  root = got(apply_changes(nodes, nodes, root, even));
  REQUIRE(root == whole);
}

TEST_CASE("one edit of many entries writes and reads a few nodes") {
  map_nodes nodes;
  auto entries = numbered(20000);
  auto root = build(nodes, entries);
  auto all_nodes = nodes.held.size();
  REQUIRE(all_nodes > 1000);
  nodes.saves = nodes.loads = 0;
  auto edited = got(apply_changes(nodes, nodes, root, {entry("/folder5/file5x", 1)}));
  REQUIRE(nodes.saves <= 12);
  REQUIRE(nodes.loads <= 40);
  nodes.loads = 0;
  std::vector<std::string> changed;
  got(diff_trees(nodes, root, edited, [&](const entry_difference& each) {
    REQUIRE(each.before == nullptr);
    changed.push_back(each.after->path);
    return step::next;
  }));
  REQUIRE(changed == std::vector<std::string>{"/folder5/file5x"});
  REQUIRE(nodes.loads <= 30);
}

TEST_CASE("a node is about 4 KiB") {
  map_nodes nodes;
  entry_map entries = numbered(20000);
  for (auto& [path, each] : entries) each.chunks.resize(1);
  build(nodes, entries);
  std::size_t bytes = 0;
  for (auto& [address, node] : nodes.held) bytes += encode_node(*node).size();
  auto average = bytes / nodes.held.size();
  REQUIRE(average > 2500);
  REQUIRE(average < 6000);
}

TEST_CASE("a diff tells exactly what differs") {
  REQUIRE(rc::check("diff", [](std::uint64_t seed) {
    map_nodes nodes;
    seeded_random random{seed};
    auto before = numbered(*rc::gen::inRange<std::size_t>(0, 500));
    auto after = before;
    auto edits = *rc::gen::inRange<std::size_t>(0, 60);
    for (std::size_t i = 0; i < edits; ++i) {
      auto path = "/folder" + std::to_string(random.next_below(37)) + "/file" + std::to_string(random.next_below(600));
      if (random.next_below(3) == 0)
        after.erase(path);
      else
        after[path] = entry(path, 1000 + i);
    }
    std::map<std::string, std::pair<bool, bool>> expected, seen;
    for (auto& [path, each] : before)
      if (!after.contains(path) || after[path] != each) expected[path] = {true, after.contains(path)};
    for (auto& [path, each] : after)
      if (!before.contains(path)) expected[path] = {false, true};
    got(diff_trees(nodes, build(nodes, before), build(nodes, after), [&](const entry_difference& each) {
      seen[each.before ? each.before->path : each.after->path] = {each.before != nullptr, each.after != nullptr};
      return step::next;
    }));
    RC_ASSERT(seen == expected);
  }));
}

TEST_CASE("entries are found, scanned by range and listed by directory") {
  map_nodes nodes;
  entry_map entries = numbered(2000);
  for (auto path : {"/a", "/a/b", "/a.txt", "/a/c/d", "/z/deep/er"}) entries[path] = entry(path);
  entries["/gone/x"] = make_tombstone("/gone/x");
  auto root = build(nodes, entries);
  REQUIRE(got(find_entry(nodes, root, "/folder3/file3"))->size == 3);
  REQUIRE(!got(find_entry(nodes, root, "/folder3")));
  REQUIRE(!got(find_entry(nodes, {}, "/a")));
  REQUIRE(got(find_entry(nodes, root, "/gone/x"))->gone());

  std::vector<std::string> names;
  for (auto& each : got(list_directory(nodes, root, "/"))) names.push_back(each.name + (each.entry ? "" : "/"));
  REQUIRE(std::find(names.begin(), names.end(), "a") != names.end());
  REQUIRE(std::find(names.begin(), names.end(), "z/") != names.end());
  REQUIRE(std::find(names.begin(), names.end(), "gone/") == names.end());
  REQUIRE(std::is_sorted(names.begin(), names.end()));
  names.clear();
  for (auto& each : got(list_directory(nodes, root, "/a"))) names.push_back(each.name + (each.entry ? "" : "/"));
  REQUIRE(names == std::vector<std::string>{"b", "c/"});

  std::vector<std::string> below;
  got(scan_below(nodes, root, "/a", [&](const tree_entry& each) {
    below.push_back(each.path);
    return step::next;
  }));
  REQUIRE(below == std::vector<std::string>{"/a", "/a/b", "/a/c/d"});
}

TEST_CASE("listing a directory of large subdirectories does not walk through them") {
  map_nodes nodes;
  auto root = build(nodes, numbered(20000));
  nodes.loads = 0;
  REQUIRE(got(list_directory(nodes, root, "/")).size() == 37);
  REQUIRE(nodes.loads < 37 * 6);
}

TEST_CASE("nodes that are not here are named, all that can be told at once, and suffice") {
  map_nodes full;
  auto entries = numbered(3000);
  auto old_root = build(full, entries);
  entries["/folder1/new"] = entry("/folder1/new", 5);
  entries["/folder9/new"] = entry("/folder9/new", 5);
  auto root = build(full, entries);

  map_nodes partial;
  std::size_t rounds = 0, fetched = 0;
  for (;; ++rounds) {
    REQUIRE(rounds < 10);
    auto found = scan_entries(partial, root, "", "", [](const tree_entry&) { return step::next; });
    REQUIRE(found);
    auto absent = std::get_if<missing>(&*found);
    if (!absent) break;
    for (auto& each : absent->addresses) {
      partial.held[each] = full.held.at(each);
      ++fetched;
    }
  }
  REQUIRE(rounds <= 4); // as many as the tree has levels
  REQUIRE(all_entries(partial, root) == sorted(entries));

  // with the old tree here, only the new nodes are named
  map_nodes have_old;
  std::function<void(const object_address&)> copy = [&](const object_address& address) {
    auto node = full.held.at(address);
    have_old.held[address] = node;
    for (auto& child : node->children) copy(child.address);
  };
  copy(old_root);
  auto present = [](const object_address&) -> result<bool> { return true; };
  auto no_lists = [](const object_address&) -> result<std::optional<std::vector<chunk_ref>>> {
    return std::optional<std::vector<chunk_ref>>{};
  };
  std::size_t new_nodes = 0;
  for (rounds = 0;; ++rounds) {
    REQUIRE(rounds < 10);
    auto absent = got(missing_objects(have_old, old_root, root, present, no_lists, false));
    if (absent.addresses.empty()) break;
    for (auto& each : absent.addresses) {
      REQUIRE(!have_old.held.contains(each));
      have_old.held[each] = full.held.at(each);
      ++new_nodes;
    }
  }
  REQUIRE(new_nodes <= 12);
  REQUIRE(all_entries(have_old, root) == sorted(entries));
}

TEST_CASE("changes to a tree whose nodes are missing name them and build nothing wrong") {
  map_nodes nodes;
  auto root = build(nodes, numbered(3000));
  auto leaf = got(find_entry(nodes, root, "/folder3/file3"));
  REQUIRE(leaf);
  map_nodes only_root;
  only_root.held[root] = nodes.held.at(root);
  auto answer = apply_changes(only_root, only_root, root, {entry("/folder3/file3x")});
  REQUIRE(answer);
  auto absent = std::get_if<missing>(&*answer);
  REQUIRE(absent);
  REQUIRE(absent->addresses.size() == 1);
  REQUIRE(nodes.held.contains(absent->addresses[0]));
}

TEST_CASE("broken nodes are refused") {
  auto one = entry("/b");
  tree_node unsorted{0, {one, entry("/a")}, {}};
  REQUIRE(!decode_node(encode_node(unsorted)));
  REQUIRE(!decode_node(encode_node(tree_node{0, {}, {}})));
  REQUIRE(!decode_node(encode_node(tree_node{2, {}, {}})));
  tree_node good{0, {entry("/a"), one}, {}};
  auto bytes = encode_node(good);
  REQUIRE(decode_node(bytes)->entries == good.entries);
  REQUIRE(rc::check("hostile node", [&] {
    auto altered = bytes;
    altered[*rc::gen::inRange<std::size_t>(0, altered.size())] ^= *rc::gen::inRange<std::uint8_t>(1, 255);
    (void)decode_node(altered); // any answer, no crash
    altered.resize(*rc::gen::inRange<std::size_t>(0, altered.size()));
    RC_ASSERT(!decode_node(altered) || altered.size() == bytes.size());
  }));
}

TEST_CASE("a child that does not fit its parent is refused") {
  map_nodes nodes;
  auto low = got(nodes.save({0, {entry("/a")}, {}})), high = got(nodes.save({0, {entry("/c")}, {}}));
  auto lying = got(nodes.save({1, {}, {{"/b", low, 1}, {"/c", high, 1}}}));
  auto found = find_entry(nodes, lying, "/a");
  REQUIRE(!found);
  REQUIRE(found.why().code == error_code::malformed);
  auto swapped = got(nodes.save({2, {}, {{"/a", low, 1}, {"/c", high, 1}}})); // levels skip
  REQUIRE(!find_entry(nodes, swapped, "/a"));
}

TEST_CASE("paths are checked and normalised") {
  for (auto good : {"/a", "/a/b c", "/\xff\xfe", "/.hidden", "/a@3"}) REQUIRE(check_path(good));
  for (auto bad : {"", "/", "a", "/a/", "//a", "/a//b", "/./a", "/a/..", "/../a"}) REQUIRE(!check_path(bad));
  REQUIRE(!check_path(std::string("/a\0b", 4)));
  REQUIRE(!check_path("/" + std::string(256, 'x')));
  REQUIRE(*normalise_path("docs//a.txt/") == "/docs/a.txt");
  REQUIRE(*normalise_path("") == "/");
  REQUIRE(*normalise_path("/./") == "/");
  REQUIRE(!normalise_path("/a/../b"));
}

TEST_CASE("entries survive their encoding") {
  auto one = entry("docs/a", 9);
  one.kind = entry_kind::symlink;
  one.target = "../b";
  one.stamp = {at_ms(123456), device(3).device, 77};
  one.revision = 4;
  one.modified_ns = -5;
  one.chunks.resize(70);
  one.chunks[3].plain_bytes = 12;
  one.chunk_lists.resize(2);
  one.content.value.fill(8);
  auto two = entry("x");
  REQUIRE(*decode_entries(encode_entries({one, two})) == std::vector<tree_entry>{one, two});
  REQUIRE(!decode_entries(byte_string(64, 0xee)));
  for (auto ms : {INT64_MIN, std::int64_t{-1}, INT64_MAX}) {
    auto undated = two;
    undated.stamp.time = at_ms(ms);
    REQUIRE(!decode_entries(encode_entries({undated})));
  }
}

TEST_CASE("building a tree of 100000 entries", "[.measure]") {
  map_nodes nodes;
  auto entries = sorted(numbered(100000));
  for (auto& each : entries) each.chunks.resize(1);
  auto start = std::clock(); // processor time: the machine may be busy
  got(apply_changes(nodes, nodes, {}, entries));
  auto took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  WARN("100000 entries, encoded and decoded: " << took << " s, " << nodes.held.size() << " nodes");
}
