/// Listening URIs as places that can be dialled. Pure: interface addresses come in as an argument.
#pragma once

#include "runtime/base/uri.hpp"
#include "runtime/link/limits.hpp"

#include <string>
#include <vector>

namespace glow::link {

bool is_wildcard_host(const std::string& host);
bool is_loopback_host(const std::string& host);

/// Whether a place means the same to other nodes, so that they may be told of it, and we may dial it because others told us.
/// The rest (a device of one machine, a command that is run, the near end of `glow stdio`, a place behind a proxy) is for this
/// machine's owner only: a peer that could name a command would run it here, and one that could name a proxy would learn who
/// we are, or send us to services of this machine. A proxy's password is nobody else's either.
bool is_shareable(const channel_uri& place);

/// What a peer's listening URIs mean for us, who see it at `remote`: a wildcard host is the host we see; addresses of the
/// peer's own machine (loopback, unix) are left out unless it is ours, too; what is not shareable always is. Through a proxy we
/// have not seen where the peer is.
std::vector<channel_uri> places_of_peer(const std::vector<channel_uri>& listening, const channel_uri& remote);

/// This node's listening URIs for others: a wildcard host becomes each of `hosts` (its family's), or the loopback when
/// there is none; what is not shareable is left out. At most limits::own_places_max.
std::vector<channel_uri> own_places(const std::vector<channel_uri>& listening, const std::vector<std::string>& hosts);

} // namespace glow::link
