// What the store reads from peers and from its disk: sealed objects, tree nodes, entries, chunk lists, whole trees, commits, and
// the messages that bring them.
#include "actors/store/sync_messages.hpp"
#include "runtime/store/blake2b.hpp"
#include "runtime/store/chunk.hpp"
#include "runtime/store/memory_database.hpp"
#include "runtime/store/object_store.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

#include <sodium.h>

#include <map>

namespace glow::fuzz {
namespace {

using namespace store;

identity::namespace_secret secret() { return identity::namespace_secret::from(byte_string(32, 1)); }
const namespace_keys& keys() {
  static const auto all = namespace_keys::derive(secret());
  return all;
}
const namespace_id the_namespace = namespace_id::from(byte_string(32, 7));
const author& device() {
  static const author by = [] {
    byte_string seed(32, 3), public_key(32), secret_key(64);
    crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seed.data());
    return author_from_secret_key(secret_key);
  }();
  return by;
}
byte_string text_of(std::size_t size) {
  byte_string out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>('a' + i * i % 17);
  return out;
}

// ---- sealed objects --------------------------------------------------------------------------------------------

byte_string sealed(object_kind kind, byte_view plain) {
  sealer with{keys()};
  return to_bytes(with.seal(kind, id_of(keys(), kind, plain), plain));
}

/// A member that holds the keys seals a body of its choice: what only decompression and the id stand against.
byte_string sealed_by_hand(script& from) {
  byte_string out{1, static_cast<std::uint8_t>(1 + from.below(3)), static_cast<std::uint8_t>(from.below(2)), 0};
  append_le(out, from.below(8) == 0 ? from.u32() : std::uint32_t{from.u16()});
  auto id = chunk_id::from(byte_string(32, from.u8()));
  append(out, id.view());
  append(out, byte_string(24, 5));
  auto body = from.rest();
  auto key = blake2b{32, keys().content_key}.add("glow object key").add(id.view()).finish_as<digest>();
  auto head = out;
  out.resize(64 + body.size() + 16);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + 64, nullptr, body.data(), body.size(), head.data(), head.size(),
                                             nullptr, head.data() + 40, key.data());
  return out;
}

void check_sealed_object(byte_view input) {
  static const std::vector<byte_string> plains{text_of(2000), text_of(40), text_of(300)};
  static const std::vector<byte_string> originals{sealed(object_kind::chunk, plains[0]), sealed(object_kind::chunk, plains[1]),
                                                  sealed(object_kind::tree_node, plains[2])};
  static sealer opens{keys()};
  script from{input};
  const auto what = from.below(3);
  const auto which = from.below(originals.size());
  auto bytes = what == 0 ? to_bytes(from.rest()) : what == 1 ? edited(from, originals[which]) : sealed_by_hand(from);
  auto header = read_sealed_header(bytes);
  auto opened = opens.open(bytes);
  if (!header) {
    require_readable(header.why());
    require(!opened.ok(), "what has no header does not open");
    return;
  }
  require(header->plain_bytes <= limits::object_plain_bytes_max, "an object claims a bounded size");
  if (!opened) return require_readable(opened.why());
  require(opened->plain.size() == header->plain_bytes && opened->id == header->id, "an object is what its header says");
  require(opened->id == id_of(keys(), opened->kind, opened->plain), "an object is what its identifier says");
  require(what != 1 || (bytes == originals[which] && to_bytes(opened->plain) == plains[which]),
          "an altered object does not open");
  auto hashes = block_hashes(bytes);
  require(address_of_blocks(bytes.size(), hashes) == address_of(bytes), "an address is that of its blocks");
}

std::vector<seed> sealed_object_seeds() {
  byte_string raw{0, 0};
  append(raw, sealed(object_kind::chunk, text_of(500)));
  byte_string by_hand{2, 0, 0, 1, 1, 0xf4, 1, 9};
  auto body = sealed(object_kind::chunk, text_of(500));
  append(by_hand, byte_view{body}.subspan(64));
  // one zstd frame of 500 bytes, as the sealer makes it
  byte_string frame{2,    0,    0,    1,    1,    0xf4, 1,    9,    0x28, 0xb5, 0x2f, 0xfd, 0x60, 0xf4,
                    0x00, 0x4d, 0x00, 0x00, 0x10, 0x61, 0x61, 0x01, 0x00, 0xf1, 0x2b, 0x80, 0x05};
  return {{"raw", raw}, {"true", {1, 1, 0}}, {"bit", {1, 0, 1, 0, 100, 0, 1}}, {"by_hand", by_hand}, {"zstd", frame}};
}

// ---- nodes, entries, lists -------------------------------------------------------------------------------------

tree_entry file_entry(std::string path) {
  tree_entry made;
  made.path = std::move(path);
  made.size = 3000;
  made.modified_ns = 1'700'000'000'000'000'000;
  made.chunks = {{chunk_id::from(byte_string(32, 1)), object_address::from(byte_string(32, 2)), 3000}};
  made.content = content_of(made.chunks);
  made.stamp = {from_unix_ms(1'700'000'000'000), device().device, 4};
  return made;
}
tree_node leaf() {
  auto link = file_entry("/b");
  link.kind = entry_kind::symlink;
  link.target = "a.txt";
  link.chunks.clear();
  return {0, {file_entry("/a.txt"), link, make_tombstone("/c")}, {}};
}

void check_tree_node(byte_view input) {
  script from{input};
  const auto what = from.below(3);
  auto bytes = from.rest();
  if (what == 0) {
    if (!keeps_meaning(bytes, decode_node, encode_node)) return;
    auto node = *decode_node(bytes);
    require(node.level < limits::tree_levels_max, "levels are bounded");
    require(node.entries.size() + node.children.size() <= limits::tree_node_items_max, "a node's items are bounded");
    require(!node.last_key().empty() && node.last_key().size() <= limits::path_bytes_max, "keys are bounded");
    (void)node.entry_count();
  } else if (what == 1) {
    keeps_meaning(bytes, decode_entries, encode_entries);
  } else {
    keeps_meaning(bytes, decode_chunk_list, encode_chunk_list);
  }
}

std::vector<seed> tree_node_seeds() {
  auto with = [](std::uint8_t what, byte_view bytes) {
    byte_string out{what};
    append(out, bytes);
    return out;
  };
  tree_node inner{
    1, {}, {{"/c", object_address::from(byte_string(32, 1)), 3}, {"/z", object_address::from(byte_string(32, 2)), 9}}};
  return {{"leaf", with(0, encode_node(leaf()))},
          {"inner", with(0, encode_node(inner))},
          {"entries", with(1, encode_entries(leaf().entries))},
          {"chunk_list", with(2, encode_chunk_list(leaf().entries[0].chunks))}};
}

// ---- whole trees -----------------------------------------------------------------------------------------------

/// Nodes that a hostile member made: each child's address is the number of a node in a list, so that nodes may also stand
/// where they do not belong. (Real addresses are hashes: they could not even form circles.)
class hostile_nodes final : public node_source, public node_sink {
public:
  explicit hostile_nodes(script& from) {
    static constexpr std::string_view names = "abcdefgh";
    for (std::size_t count = 1 + from.below(8); count > 0; --count) {
      tree_node node;
      node.level = static_cast<std::uint8_t>(from.below(4));
      std::size_t name = 0;
      for (auto items = 1 + from.below(4); items > 0 && name < names.size(); --items) {
        name += from.below(3);
        if (name >= names.size()) break;
        auto key = std::string{"/"} + names[name];
        if (from.below(4) == 0) key += "/x";
        ++name;
        if (node.level == 0) {
          auto entry = from.below(6) == 0 ? make_tombstone(key) : file_entry(key);
          if (from.below(4) == 0) entry.chunk_lists = {numbered(from.below(9))};
          node.entries.push_back(std::move(entry));
        } else {
          node.children.push_back({key, numbered(from.below(9)), from.u8()});
        }
      }
      if (!node.entries.empty() || !node.children.empty()) nodes_.push_back(std::make_shared<const tree_node>(std::move(node)));
    }
  }
  static object_address numbered(std::size_t i) {
    object_address out;
    out.value[0] = 1;
    out.value[1] = static_cast<std::uint8_t>(i);
    return out;
  }
  result<node_ptr> load(const object_address& address) override {
    require(++loads < 200'000, "a walk over a hostile tree ends");
    if (auto made = made_.find(address); made != made_.end()) return made->second;
    return address.value[0] == 1 && address.value[1] < nodes_.size() ? nodes_[address.value[1]] : node_ptr{};
  }
  result<object_address> save(const tree_node& node) override {
    auto address = address_of(encode_node(node));
    made_.emplace(address, std::make_shared<const tree_node>(node));
    return address;
  }
  std::size_t loads = 0;

private:
  std::vector<node_ptr> nodes_;
  std::map<object_address, node_ptr> made_;
};

template <class T>
void accept_answer(const or_missing<T>& answer) {
  if (!answer)
    require_readable(answer.why());
  else if (auto* absent = std::get_if<missing>(&*answer))
    require(absent->addresses.size() <= limits::missing_objects_max, "what is missing is bounded");
}

void check_tree(byte_view input) {
  script from{input};
  hostile_nodes nodes{from};
  const auto one = nodes.numbered(0), other = nodes.numbered(from.below(9));
  std::string last;
  accept_answer(scan_entries(nodes, one, "", "", [&](const tree_entry& each) {
    require(last < each.path, "a scan goes forward");
    last = each.path;
    return step::next;
  }));
  accept_answer(scan_below(nodes, one, "/b", [](const tree_entry&) { return step::next; }));
  accept_answer(find_entry(nodes, one, "/c"));
  accept_answer(list_directory(nodes, one, "/"));
  accept_answer(diff_trees(nodes, one, other, [](const entry_difference& each) {
    require(each.before || each.after, "a difference has a side");
    return step::next;
  }));
  auto absent = missing_objects(
    nodes, {}, one, [](const object_address& address) -> result<bool> { return address.value[0] == 1; },
    [](const object_address&) -> result<std::optional<std::vector<chunk_ref>>> {
      return std::optional<std::vector<chunk_ref>>{};
    },
    true);
  if (absent) require(absent->addresses.size() <= limits::missing_objects_max, "what is missing is bounded");
  auto changed = apply_changes(nodes, nodes, one, {file_entry("/b"), file_entry("/d/e")});
  accept_answer(changed);
}

std::vector<seed> tree_seeds() {
  return {{"leaf", {0, 0, 3, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1}},
          {"two_levels", {2, 1, 1, 2, 1, 1, 5, 1, 1, 2, 3, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1}},
          {"circle", {1, 1, 0, 0, 1, 0, 3, 1, 0, 0, 1, 0, 3}}};
}

// ---- commits ---------------------------------------------------------------------------------------------------

signed_commit some_commit() {
  commit what;
  what.in = the_namespace;
  what.root = object_address::from(byte_string(32, 4));
  what.device = device().device;
  what.sequence = 2;
  what.vector = {{device().device, 2}};
  what.time = from_unix_ms(1'700'000'000'000);
  what.message = "put";
  return sign_commit(what, device());
}

void check_commit(byte_view input) {
  static const auto original = some_commit();
  script from{input};
  const auto what = from.below(3);
  if (what < 2) {
    auto bytes = what == 0 ? to_bytes(from.rest()) : edited(from, original.bytes);
    auto read = decode_commit(bytes);
    auto proven = verify_commit(bytes);
    require(read.ok() || !proven.ok(), "what does not decode does not verify");
    if (!read) return require_readable(read.why());
    auto again = decode_commit(read->bytes);
    require(again.ok() && again->id == read->id && again->what == read->what && again->bytes == read->bytes,
            "a commit has one form");
    require(!proven.ok() || read->what.device != device().device || read->id == original.id, "nobody signs in another's name");
    return;
  }
  // a member's commit of any content reaches a store
  commit made = original.what;
  made.in = from.below(8) == 0 ? namespace_id{} : the_namespace;
  made.root = from.below(2) == 0 ? object_address{} : object_address::from(byte_string(32, from.u8()));
  made.sequence = from.below(4) == 0 ? from.u64() : 1 + from.below(3);
  made.vector = {{made.device, made.sequence}};
  if (from.below(3) == 0) made.vector.emplace(node_id::from(byte_string(32, from.u8())), from.u64());
  made.time = from_unix_ms(static_cast<std::int64_t>(from.below(2) == 0 ? from.u64() : std::uint64_t{from.u32()} * 1000));
  if (from.below(3) == 0) made.parents.push_back(commit_id::from(byte_string(32, from.u8())));
  made.message = to_text(from.counted_bytes());
  std::erase(made.message, '\0');
  auto bytes = sign_commit(made, device()).bytes;

  memory_database db;
  auto opened = object_store::open(db, the_namespace, secret());
  require(opened.ok(), "an empty database opens");
  auto& held = **opened;
  auto everybody = [](const node_id&) { return true; };
  auto heard = held.apply_remote_commit(bytes, everybody);
  if (!heard) return require_readable(heard.why());
  if (heard->what != remote_commit_outcome::status::applied) return;
  require(held.tips().size() == 1 && held.tips()[0] == heard->id, "the first commit is the tip");
  auto twice = held.apply_remote_commit(bytes, everybody);
  require(twice.ok() && twice->what == remote_commit_outcome::status::already_known, "a commit counts once");
  accept_answer(held.view());
  accept_answer(held.log("/a"));
  accept_answer(held.resolve("/a@2026-11-20"));
  require(held.missing_of_tips(true).ok(), "what is missing is known");
  auto on_top = held.commit_changes({make_tombstone("/nothing")}, "ours", from_unix_ms(1'700'000'000'001), device());
  accept_answer(on_top);
  auto beyond = held.commits_beyond({}, 1u << 20);
  require(beyond.ok() && !beyond->empty(), "what was heard is told on");
  require(object_store::open(db, the_namespace, secret()).ok(), "a store opens again after whatever it heard");
}

std::vector<seed> commit_seeds() {
  byte_string raw{0};
  append(raw, some_commit().bytes);
  return {{"raw", raw},
          {"true", {1, 0}},
          {"bit", {1, 1, 0, 100, 0, 4}},
          {"heard", {2, 1, 0, 1, 0, 1, 1, 1, 0xff, 0x10, 0x20, 0x30, 1, 3, 'a', 'b', 'c'}},
          {"parent", {2, 1, 0, 1, 1, 1, 0, 9, 5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 7}}};
}

// ---- messages between stores -----------------------------------------------------------------------------------

void check_store_sync(byte_view input) {
  script from{input};
  const auto what = from.below(3);
  auto bytes = from.rest();
  if (what == 0) {
    if (!keeps_meaning(bytes, decode_heads, encode_heads)) return;
    auto heads = *decode_heads(bytes);
    require(heads.vector.size() <= limits::commit_devices_max && heads.commits.size() <= limits::commits_per_answer_max,
            "heads are bounded");
  } else if (what == 1) {
    if (keeps_meaning(bytes, decode_fetch, encode_fetch))
      require(decode_fetch(bytes)->size() <= limits::fetch_addresses_max, "a fetch is bounded");
  } else if (keeps_meaning(bytes, decode_fetched, encode_fetched)) {
    auto fetched = *decode_fetched(bytes);
    require(fetched.objects.size() <= limits::fetch_addresses_max && fetched.absent.size() <= limits::fetch_addresses_max,
            "an answer is bounded");
  }
}

std::vector<seed> store_sync_seeds() {
  auto with = [](std::uint8_t what, byte_view bytes) {
    byte_string out{what};
    append(out, bytes);
    return out;
  };
  auto known = some_commit();
  auto address = object_address::from(byte_string(32, 6));
  return {{"heads", with(0, encode_heads({{{device().device, 2}}, {known.bytes}, false, 1, 2, true}))},
          {"fetch", with(1, encode_fetch({address, address}))},
          {"fetched", with(2, encode_fetched({{text_of(90)}, {address}}))}};
}

} // namespace

const target sealed_object_target{
  "sealed_object", "store::read_sealed_header, sealer::open", check_sealed_object, sealed_object_seeds, 4096, 2};
const target tree_node_target{"tree_node", "store::decode_node, decode_entries, decode_chunk_list", check_tree_node,
                              tree_node_seeds, 4096};
const target tree_target{
  "tree", "tree_cursor, scans, diff, apply_changes over a hostile member's nodes", check_tree, tree_seeds, 512, 4};
const target commit_target{
  "commit", "store::decode_commit, verify_commit, object_store::apply_remote_commit", check_commit, commit_seeds, 2048, 10};
const target store_sync_target{"store_sync", "decode_heads, decode_fetch, decode_fetched (actors/store/sync_messages)",
                               check_store_sync, store_sync_seeds, 4096};

} // namespace glow::fuzz
