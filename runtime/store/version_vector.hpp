/// How much of a history somebody holds, device by device (Parker et al., Detection of Mutual Inconsistency, 1983).
/// Refuses to know what a commit is.
#pragma once

#include "runtime/base/bytes.hpp"

#include <map>

namespace glow::store {

/// How many commits of each device are contained in a history.
using version_vector = std::map<node_id, std::uint64_t>;

/// The least vector that contains both.
void join_into(version_vector& into, const version_vector& more);
bool contains(const version_vector& all, const version_vector& part);
/// Entries of `all` that `known` has not or has lower: joined into `known` they give `all`, if `all` contains it.
version_vector beyond(const version_vector& all, const version_vector& known);
/// Equal vectors have equal digests, and others hardly ever: honest peers compare them, nothing rests on them. Of an empty
/// vector: 0.
std::uint64_t digest_of(const version_vector& vector);

} // namespace glow::store
