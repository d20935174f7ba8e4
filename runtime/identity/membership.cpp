#include "runtime/identity/membership.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/identity/limits.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace glow::identity {
namespace {

error foreign(const namespace_id& theirs) {
  return {error_code::not_a_member, "a record of another namespace (" + to_short_string(theirs) + "…)"};
}

} // namespace

/// Where the replay stands on each node, and which record made an issuer an admin when it issued another one.
struct membership_log::replay_result {
  struct standing {
    const membership_record* admit = nullptr; ///< in force; null when expelled
  };
  const membership_record* create = nullptr;
  std::unordered_map<node_id, standing> nodes;
  std::unordered_map<const membership_record*, const membership_record*> authority; ///< null: the root key

  const membership_record* admit_of(const node_id& node) const {
    auto at = nodes.find(node);
    return at == nodes.end() ? nullptr : at->second.admit;
  }
};

result<bool> membership_log::add(membership_record record) {
  if (record.space != space_) return foreign(record.space);
  auto name = digest_of(record);
  if (records_.contains(name)) return false;
  if (auto checked = check_record(record); !checked) return checked.why();
  if (records_.size() >= limits::membership_records_max)
    return error{error_code::exhausted,
                 "the membership log is full (" + std::to_string(limits::membership_records_max) + " records)"};
  records_.emplace(name, std::move(record));
  return true;
}

result<bool> membership_log::add(byte_view encoded_record) {
  auto record = decode_record(encoded_record);
  if (!record) return record.why();
  return add(std::move(*record));
}

std::size_t membership_log::merge(const std::vector<membership_record>& records) {
  auto before = records_.size();
  for (auto& each : records) (void)add(each); // an invalid one is the sender's loss
  drop_unrooted();
  return records_.size() - std::min(before, records_.size());
}

result<std::size_t> membership_log::merge(byte_view encoded_list) {
  auto records = decode_records(encoded_list);
  if (!records) return records.why();
  return merge(*records);
}

void membership_log::drop_unrooted() {
  std::unordered_map<node_id, std::vector<node_id>> admins_made; // by issuer
  for (auto& [name, record] : records_)
    if (record.kind == record_kind::admit && record.as == role::admin) admins_made[record.issuer].push_back(record.subject);
  std::unordered_set<node_id> rooted{node_id{space_.value}};
  std::vector<node_id> next{node_id{space_.value}};
  while (!next.empty()) {
    auto issuer = next.back();
    next.pop_back();
    for (auto& admin : admins_made[issuer])
      if (rooted.insert(admin).second) next.push_back(admin);
  }
  std::erase_if(records_, [&](const auto& entry) { return !rooted.contains(entry.second.issuer); });
}

std::vector<membership_record> membership_log::all() const {
  std::vector<membership_record> out;
  out.reserve(records_.size());
  for (auto& [name, record] : records_) out.push_back(record);
  return out;
}

byte_string membership_log::encode() const { return encode_records(all()); }

result<membership_log> membership_log::decode(const namespace_id& space, byte_view encoded_list) {
  auto records = decode_records(encoded_list);
  if (!records) return records.why();
  membership_log out{space};
  for (auto& each : *records)
    if (auto added = out.add(std::move(each)); !added) return added.why();
  return out;
}

digest membership_log::set_digest() const {
  byte_string names;
  names.reserve(records_.size() * digest::size_bytes);
  for (auto& [name, record] : records_) append(names, name.view());
  return hash_of("glow membership set 1", {names});
}

wall_time membership_log::time_for(const node_id& subject, const node_id& issuer, wall_time now) const {
  auto out = now;
  for (auto& [name, record] : records_)
    if (record.subject == subject || record.subject == issuer) out = std::max(out, record.at + std::chrono::milliseconds{1});
  return std::min(out, record_time_max);
}

membership_log::replay_result membership_log::replay(const std::vector<membership_record>& more) const {
  struct entry {
    digest name;
    const membership_record* record;
  };
  std::vector<entry> order;
  order.reserve(records_.size() + more.size());
  for (auto& [name, record] : records_) order.push_back({name, &record});
  for (auto& record : more)
    if (auto name = digest_of(record); !records_.contains(name)) order.push_back({name, &record});
  std::sort(order.begin(), order.end(), [](const entry& a, const entry& b) {
    return std::tie(a.record->at, a.record->kind, a.name) < std::tie(b.record->at, b.record->kind, b.name);
  });

  replay_result out;
  for (auto& [name, record] : order) {
    const membership_record* authority = nullptr;
    if (!record->issued_by_root()) {
      authority = out.admit_of(record->issuer);
      if (!authority || authority->as != role::admin) continue;
    }
    out.authority[record] = authority;
    switch (record->kind) {
    case record_kind::create:
      if (!out.create) out.create = record;
      break;
    case record_kind::admit: out.nodes[record->subject].admit = record; break;
    case record_kind::expel: out.nodes[record->subject].admit = nullptr; break;
    }
  }
  return out;
}

roster membership_log::evaluate(const node_id& self, const namespace_secret& secret) const {
  auto now_known = replay({});
  roster out;
  out.id = space_;
  out.name = now_known.create ? now_known.create->name : to_short_string(space_);
  out.self = self;
  out.secret = secret;
  for (auto& [id, standing] : now_known.nodes)
    if (standing.admit) out.members.push_back({id, standing.admit->name, standing.admit->as, standing.admit->at});
  std::sort(out.members.begin(), out.members.end(),
            [](const member& a, const member& b) { return std::tie(a.admitted, a.id) < std::tie(b.admitted, b.id); });
  std::set<std::string> given;
  for (auto& each : out.members) given.insert(each.name); // a suffix never takes somebody's own name away
  std::set<std::string> taken;
  for (auto& each : out.members) {
    if (taken.insert(each.name).second) continue;
    auto stem = each.name.substr(0, limits::node_name_bytes_max - 5); // room for "-4096"
    for (std::size_t n = 2;; ++n) {                                   // ends: fewer members than numbers
      auto candidate = stem + "-" + std::to_string(n);
      if (given.contains(candidate) || !taken.insert(candidate).second) continue;
      each.name = candidate;
      break;
    }
  }
  std::sort(out.members.begin(), out.members.end(), [](const member& a, const member& b) { return a.id < b.id; });
  out.log = std::make_shared<const membership_log>(*this);
  return out;
}

result<byte_string> membership_log::make_certificate(const node_id& node) const {
  auto now_known = replay({});
  auto link = now_known.admit_of(node);
  if (!link) return error{error_code::not_a_member, "node " + to_short_string(node) + "… is no member: join with a ticket first"};
  std::vector<const membership_record*> chain;
  for (; link; link = now_known.authority[link]) chain.push_back(link); // ends: an authority comes earlier in the replay
  return encode_certificate(space_, chain);
}

result<member> membership_log::check_peer(const node_id& node, byte_view certificate) const {
  auto shown = records_of_certificate(space_, node, certificate);
  if (!shown) return shown.why();
  auto now_known = replay(*shown);
  auto in_force = now_known.admit_of(node);
  if (!in_force)
    return error{error_code::not_a_member,
                 "node " + to_short_string(node) + "… ('" + shown->front().name
                   + "') was expelled from this namespace, or the admin who admitted it was; it needs a new ticket"};
  return member{node, in_force->name, in_force->as, in_force->at};
}

result<member> check_peer(const roster& members, const node_id& node, byte_view certificate) {
  if (!members.log) return verify_certificate(members.id, node, certificate);
  auto checked = members.log->check_peer(node, certificate);
  if (!checked) return checked;
  if (auto known = members.find(node)) checked->name = known->name; // with its suffix, if it has one
  return checked;
}

} // namespace glow::identity
