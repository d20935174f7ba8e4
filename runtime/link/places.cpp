#include "runtime/link/places.hpp"

#include "runtime/link/limits.hpp"
#include "runtime/link/proxy.hpp"

#include <algorithm>

namespace glow::link {
namespace {

bool is_ipv6(const std::string& host) { return host.find(':') != std::string::npos; }

void add_new(std::vector<channel_uri>& to, channel_uri uri) {
  if (std::find(to.begin(), to.end(), uri) == to.end()) to.push_back(std::move(uri));
}

} // namespace

bool is_wildcard_host(const std::string& host) { return host == "0.0.0.0" || host == "::"; }
bool is_loopback_host(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

bool is_shareable(const channel_uri& place) {
  if (place.scheme == "exec" || place.scheme == "stdio" || goes_through_proxy(place)) return false;
  return place.scheme != "tty" || !place.host.empty(); // a device has a path, and no host
}

std::vector<channel_uri> places_of_peer(const std::vector<channel_uri>& listening, const channel_uri& remote) {
  std::vector<channel_uri> out;
  // at the other end of a serial line, a command or a proxy is another machine, although we have not seen its address
  bool unseen = !is_shareable(remote);
  bool same_machine = !unseen && (remote.host.empty() || is_loopback_host(remote.host));
  for (auto uri : listening) {
    if (!is_shareable(uri)) continue;
    if (uri.host.empty() || is_loopback_host(uri.host)) {
      if (!same_machine) continue;
    } else if (is_wildcard_host(uri.host)) {
      if (unseen || remote.host.empty()) continue;                 // over unix or loopback there is no address
      if (uri.host == "0.0.0.0" && is_ipv6(remote.host)) continue; // it does not listen on that family
      uri.host = remote.host;
    }
    add_new(out, std::move(uri));
  }
  return out;
}

std::vector<channel_uri> own_places(const std::vector<channel_uri>& listening, const std::vector<std::string>& hosts) {
  std::vector<channel_uri> out;
  for (auto& uri : listening) {
    if (!is_shareable(uri)) continue;
    if (!is_wildcard_host(uri.host)) {
      add_new(out, uri);
      continue;
    }
    auto place = uri;
    bool any = false;
    for (auto& host : hosts) {
      if (uri.host == "0.0.0.0" && is_ipv6(host)) continue;
      place.host = host;
      add_new(out, place);
      any = true;
    }
    if (any) continue;
    place.host = uri.host == "::" ? "::1" : "127.0.0.1";
    add_new(out, place);
  }
  if (out.size() > limits::own_places_max) out.resize(limits::own_places_max);
  return out;
}

} // namespace glow::link
