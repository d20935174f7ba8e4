#include "runtime/host/key_file.hpp"

#include "runtime/host/files.hpp"

#include <cerrno>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace glow::host {
namespace {

/// Looks at the path itself: a symbolic link may lead to a well kept file, and change tomorrow.
result<bool> exists_and_is_private(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return false;
    return error{error_code::io, "cannot look at key file " + path + ": " + std::generic_category().message(errno)};
  }
  if (!S_ISREG(status.st_mode)) return error{error_code::failed, "key file " + path + " is no regular file: move it away"};
  if (status.st_uid != ::geteuid())
    return error{error_code::failed, "key file " + path + " belongs to another user: chown it, or choose another --home"};
  if ((status.st_mode & 0077) != 0)
    return error{error_code::failed, "key file " + path + " can be read or written by others: run 'chmod 600 " + path
                                       + "' if you are sure that nobody has copied it, else delete it and join anew"};
  return true;
}

} // namespace

result<identity::node_keys> load_or_create_node_keys(const std::string& path, random_source& random) {
  auto there = exists_and_is_private(path);
  if (!there) return there.why();
  if (!*there) {
    auto fresh = identity::node_keys::generate(random);
    if (auto written = write_file_atomically(path, fresh.seed().view(), 0600); !written) return written.why();
    return fresh;
  }
  auto bytes = read_file(path, 4096);
  if (!bytes) return bytes.why();
  if (bytes->size() != identity::key_seed::size_bytes)
    return error{error_code::malformed, "key file " + path + " must hold 32 bytes, not " + std::to_string(bytes->size())
                                          + ": restore it from a backup, or delete it and join anew"};
  auto seed = identity::key_seed::from(*bytes);
  identity::wipe(*bytes);
  if (seed.is_zero())
    return error{error_code::malformed, "key file " + path + " holds zeros: it was damaged; restore it from a backup"};
  auto keys = identity::node_keys::from_seed(seed);
  identity::wipe(seed.value);
  return keys;
}

} // namespace glow::host
