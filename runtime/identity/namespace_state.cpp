#include "runtime/identity/namespace_state.hpp"

#include "runtime/base/base32.hpp"
#include "runtime/identity/limits.hpp"

#include <algorithm>

namespace glow::identity {
namespace {

/// A place that another machine, or another process of this one, may dial.
bool is_dialable(const channel_uri& uri) {
  if (to_string(uri).size() > limits::uri_bytes_max) return false;
  if (uri.host.empty()) return !uri.path.empty();
  return uri.port != 0 && uri.host != "0.0.0.0" && uri.host != "::" && uri.host != "*";
}

std::vector<channel_uri> dialable(const std::vector<channel_uri>& uris) {
  std::vector<channel_uri> out;
  for (auto& each : uris)
    if (out.size() < limits::addresses_per_member_max && is_dialable(each)
        && std::find(out.begin(), out.end(), each) == out.end())
      out.push_back(each);
  return out;
}

} // namespace

namespace_state::~namespace_state() {
  if (root_seed_) wipe(root_seed_->value);
  wipe(secret_.value);
  for (auto& each : tickets_) wipe(each.secret.value);
}

namespace_state namespace_state::found(std::string_view name, const node_keys& founder, std::string_view node_name, wall_time now,
                                       random_source& random) {
  auto root = node_keys::generate(random);
  namespace_state out{founder, namespace_id{root.id().value}};
  out.root_seed_ = root.seed();
  out.secret_ = random.next_id<namespace_secret>();
  // neither can fail: an empty log has room, and the names are valid
  (void)out.issue(record_kind::create, founder.id(), node_name_from(name), role::admin, std::nullopt, now);
  (void)out.issue(record_kind::admit, founder.id(), node_name_from(node_name), role::admin, std::nullopt, now);
  return out;
}

void namespace_state::evaluate() {
  auto fresh = log_.evaluate(self_.id(), secret_);
  std::erase_if(addresses_, [&](const auto& entry) { return !fresh.find(entry.first); });
  roster_ = std::make_shared<const roster>(std::move(fresh));
}

bool namespace_state::is_admin() const {
  if (root_seed_) return true;
  auto me = roster_->find(self_.id());
  return me && me->as == role::admin;
}

result<void> namespace_state::issue(record_kind kind, const node_id& subject, std::string name, role as,
                                    std::optional<digest> ticket, wall_time now) {
  auto keys = root_seed_ ? node_keys::from_seed(*root_seed_) : self_;
  membership_record record;
  record.space = log_.space();
  record.kind = kind;
  record.as = as;
  record.subject = subject;
  record.name = std::move(name);
  record.ticket = ticket;
  record.at = log_.time_for(subject, keys.id(), now);
  sign_record(record, keys);
  if (auto added = log_.add(std::move(record)); !added) return added.why();
  evaluate();
  return {};
}

// ---- tickets ----------------------------------------------------------------------------------------------------

const namespace_state::issued_ticket* namespace_state::find_ticket(const digest& ticket) const {
  auto at = std::find_if(tickets_.begin(), tickets_.end(), [&](const issued_ticket& each) { return each.id == ticket; });
  return at == tickets_.end() ? nullptr : &*at;
}

void namespace_state::forget_old_tickets(wall_time now) {
  auto forget = [this](auto at) {
    wipe(at->secret.value);
    return tickets_.erase(at);
  };
  for (auto at = tickets_.begin(); at != tickets_.end();)
    at = now - at->expires > limits::ticket_memory ? forget(at) : std::next(at);
  for (auto at = tickets_.begin(); at != tickets_.end() && tickets_.size() >= limits::open_tickets_max;)
    at = at->used_by || now >= at->expires ? forget(at) : std::next(at);
}

result<namespace_state::invitation> namespace_state::create_ticket(std::chrono::milliseconds valid_for, role as, wall_time now,
                                                                   random_source& random) {
  if (!is_admin())
    return error{error_code::failed,
                 "only an admin of namespace '" + roster_->name + "' may invite: ask for a ticket with --role admin"};
  if (valid_for <= 0ms || valid_for > limits::ticket_life_max)
    return error{error_code::usage, "a ticket may live between one second and 30 days (--for 15m)"};
  if (!root_seed_)
    if (auto own = log_.make_certificate(self_.id()); !own) return own.why();
  forget_old_tickets(now);
  if (tickets_.size() >= limits::open_tickets_max)
    return error{error_code::exhausted,
                 "too many open tickets (" + std::to_string(tickets_.size()) + "): wait until some expire"};
  ticket made;
  made.space = log_.space();
  made.namespace_name = roster_->name;
  made.secret = random.next_id<ticket_psk>();
  made.inviter = self_.id();
  made.as = as;
  made.expires = now + valid_for;
  made.addresses = own_addresses_;
  tickets_.push_back({made.id(), made.secret, as, made.expires, std::nullopt});
  return invitation{to_text(made, self_), made.expires};
}

result<const namespace_state::issued_ticket*> namespace_state::usable_ticket(const digest& ticket, const node_id& asked_by,
                                                                             wall_time now) const {
  auto found = find_ticket(ticket);
  if (!found)
    return error{error_code::not_found, "this node never issued that ticket, or forgot it long after its end: ask for a new one"};
  if (found->used_by == asked_by) return found;
  if (found->used_by) return error{error_code::already_used, "this ticket was used already by another node: ask for a new one"};
  if (now >= found->expires) return error{error_code::expired, "this ticket has expired: ask for a new one"};
  return found;
}

result<ticket_psk> namespace_state::ticket_secret(const digest& ticket, const node_id& asked_by, wall_time now) const {
  // a handshake that has not come to the stranger's key yet: redeem_ticket, which knows it, tells the nodes apart
  if (auto used = find_ticket(ticket); used && used->used_by && asked_by.is_zero()) return used->secret;
  auto found = usable_ticket(ticket, asked_by, now);
  if (!found) return found.why();
  return (*found)->secret;
}

result<byte_string> namespace_state::redeem_ticket(const digest& ticket, const node_id& node, std::string_view node_name,
                                                   wall_time now) {
  auto found = usable_ticket(ticket, node, now);
  if (!found) return found.why();
  if ((*found)->used_by) {
    if (!roster_->find(node))
      return error{error_code::not_a_member, "node " + to_short_string(node) + "… was expelled since it used this ticket"};
    return encode_admission(node);
  }
  if (!is_admin()) return error{error_code::failed, "the inviting node is no admin any more"};
  if (auto issued = issue(record_kind::admit, node, node_name_from(node_name), (*found)->as, ticket, now); !issued)
    return issued.why();
  for (auto& each : tickets_)
    if (each.id == ticket) each.used_by = node;
  return encode_admission(node);
}

// ---- members ----------------------------------------------------------------------------------------------------

result<void> namespace_state::expel(const node_id& node, wall_time now) {
  if (!is_admin()) return error{error_code::failed, "only an admin of namespace '" + roster_->name + "' may expel a member"};
  auto victim = roster_->find(node);
  if (!victim) return error{error_code::not_found, "node " + to_short_string(node) + "… is no member of '" + roster_->name + "'"};
  if (node == self_.id()) return error{error_code::usage, "a node cannot expel itself: let another admin do it"};
  return issue(record_kind::expel, node, {}, role::member, std::nullopt, now);
}

std::size_t namespace_state::merge(const std::vector<membership_record>& records) {
  auto fresh = log_.merge(records);
  if (fresh > 0) evaluate();
  return fresh;
}

result<std::size_t> namespace_state::merge(byte_view encoded_records) {
  auto records = decode_records(encoded_records);
  if (!records) return records.why();
  return merge(*records);
}

// ---- places -----------------------------------------------------------------------------------------------------

bool namespace_state::remember_addresses(const node_id& node, const std::vector<channel_uri>& uris) {
  if (node == self_.id() || !roster_->find(node)) return false;
  auto fresh = dialable(uris);
  if (fresh.empty()) return false;
  if (!addresses_.contains(node) && addresses_.size() >= limits::addressed_members_max) return false;
  auto& known = addresses_[node];
  auto merged = fresh;
  merged.insert(merged.end(), known.begin(), known.end());
  merged = dialable(merged);
  if (merged == known) return false;
  known = std::move(merged);
  return true;
}

bool namespace_state::remember_hearsay(const node_id& node, const std::vector<channel_uri>& uris) {
  if (node == self_.id() || !roster_->find(node)) return false;
  auto known = addresses_.find(node);
  if (known == addresses_.end()) return remember_addresses(node, uris);
  auto merged = known->second;
  merged.insert(merged.end(), uris.begin(), uris.end());
  merged = dialable(merged);
  if (merged == known->second) return false;
  known->second = std::move(merged);
  return true;
}

bool namespace_state::set_own_addresses(std::vector<channel_uri> uris) {
  auto fresh = dialable(uris);
  if (fresh == own_addresses_) return false;
  own_addresses_ = std::move(fresh);
  return true;
}

std::vector<node_addresses> namespace_state::known_addresses(bool own_first) const {
  std::vector<node_addresses> out;
  if (own_first && !own_addresses_.empty()) out.emplace_back(self_.id(), own_addresses_);
  for (auto& [node, uris] : addresses_)
    if (out.size() < limits::addressed_members_max) out.emplace_back(node, uris);
  return out;
}

std::uint64_t namespace_state::places_digest(const node_id& one, const node_id& other) const {
  std::uint64_t sum = 0;
  for (auto& [node, uris] : addresses_) {
    if (node == one || node == other) continue;
    for (auto& each : uris) {
      auto text = to_string(each);
      sum += read_le<std::uint64_t>(hash_of("glow place", {node.view(), as_bytes(text)}).data());
    }
  }
  return sum;
}

} // namespace glow::identity
