/// A small namespace for the tests of this room: keys by number, records signed by whom the test says.
#pragma once

#include "runtime/identity/membership.hpp"

namespace glow::identity::testing {

inline node_keys keys_of(std::uint64_t number) {
  seeded_random random{number * 7919 + 1};
  return node_keys::generate(random);
}
inline node_id id_of(std::uint64_t number) { return keys_of(number).id(); }
inline wall_time at(std::int64_t second) { return from_unix_ms(1'700'000'000'000 + second * 1000); }

struct a_namespace {
  node_keys root = keys_of(1000);
  namespace_id id{root.id().value};

  membership_record record(record_kind kind, const node_keys& issuer, const node_id& subject, std::string name, role as,
                           std::int64_t second) const {
    membership_record out;
    out.space = id;
    out.kind = kind;
    out.as = as;
    out.at = at(second);
    out.subject = subject;
    out.name = std::move(name);
    sign_record(out, issuer);
    return out;
  }
  membership_record create(std::string name = "home") const {
    return record(record_kind::create, root, id_of(1), std::move(name), role::admin, 0);
  }
  membership_record admit(const node_keys& issuer, std::uint64_t subject, role as, std::int64_t second,
                          std::string name = {}) const {
    return record(record_kind::admit, issuer, id_of(subject), name.empty() ? "node" + std::to_string(subject) : name, as, second);
  }
  membership_record expel(const node_keys& issuer, std::uint64_t subject, std::int64_t second) const {
    return record(record_kind::expel, issuer, id_of(subject), "", role::member, second);
  }
  membership_log log(const std::vector<membership_record>& records) const {
    membership_log out{id};
    for (auto& each : records)
      if (auto added = out.add(each); !added) throw std::runtime_error(added.why().message);
    return out;
  }
  roster members(const std::vector<membership_record>& records) const { return log(records).evaluate(id_of(1), {}); }
};

} // namespace glow::identity::testing
