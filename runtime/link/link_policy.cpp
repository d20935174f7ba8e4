#include "runtime/link/link_policy.hpp"

#include "runtime/link/payload.hpp"
#include "runtime/link/proxy.hpp"

namespace glow::link {
namespace {

constexpr const char* class_parameter = "class";
constexpr const char* bulk_parameter = "bulk";

} // namespace

result<link_policy> policy_of(const channel_uri& uri) {
  link_policy out;
  auto wrong = [&](const std::string& why) { return error{error_code::usage, "'" + to_shown_text(uri) + "': " + why}; };
  if (auto found = uri.parameters.find(class_parameter); found != uri.parameters.end()) {
    if (found->second != "control" && found->second != "drop")
      return wrong("class must be control or drop; local and wan are measured, so leave it out");
    out.declared_class = found->second;
    out.declared_by = "its URI says so";
  }
  if (auto found = uri.parameters.find(bulk_parameter); found != uri.parameters.end()) {
    if (found->second != "yes" && found->second != "no")
      return wrong("bulk must be yes or no; leave it out to let the link's class decide");
    out.bulk = found->second == "yes" ? bulk_wish::yes : bulk_wish::no;
  }
  return out;
}

std::uint64_t to_features(const link_policy& ours) {
  std::uint64_t out = 0;
  if (ours.declared_class == "control") out |= feature_says_control;
  if (ours.declared_class == "drop") out |= feature_says_drop;
  if (ours.bulk == bulk_wish::yes) out |= feature_says_bulk;
  if (ours.bulk == bulk_wish::no) out |= feature_says_no_bulk;
  return out;
}

link_policy combined(link_policy ours, std::uint64_t peer_features) {
  const bool peer_says_drop = (peer_features & feature_says_drop) != 0;
  const bool peer_says_control = (peer_features & feature_says_control) != 0;
  if ((peer_says_drop && ours.declared_class != "drop") || (peer_says_control && ours.declared_class.empty())) {
    ours.declared_class = peer_says_drop ? "drop" : "control";
    ours.declared_by = "the peer says so";
  }
  if ((peer_features & feature_says_no_bulk) != 0)
    ours.bulk = bulk_wish::no;
  else if ((peer_features & feature_says_bulk) != 0 && ours.bulk == bulk_wish::by_class)
    ours.bulk = bulk_wish::yes;
  return ours;
}

} // namespace glow::link
