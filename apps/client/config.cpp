#include "apps/client/config.hpp"

#include "runtime/base/limits.hpp"
#include "runtime/base/uri.hpp"
#include "runtime/host/home_files.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace glow::client {
namespace {

error at_line(const std::string& path, const toml::source_region& where, const std::string& what) {
  return {error_code::usage, path + ":" + std::to_string(where.begin.line) + ": " + what};
}

result<std::vector<std::string>> read_texts(const std::string& path, std::string_view key, const toml::node& node,
                                            const std::string& what) {
  auto* array = node.as_array();
  auto wrong = at_line(path, node.source(), std::string{key} + " must be a list of " + what);
  if (!array) return wrong;
  std::vector<std::string> out;
  for (auto& each : *array) {
    auto text = each.value<std::string>();
    if (!text) return wrong;
    out.push_back(*text);
  }
  return out;
}

result<void> read_key(const std::string& path, std::string_view key, const toml::node& node, agent_config& out) {
  if (key == "name") {
    out.name = node.value<std::string>();
    if (!out.name) return at_line(path, node.source(), "name must be a string");
  } else if (key == "discovery") {
    out.discovery = node.value<bool>();
    if (!out.discovery) return at_line(path, node.source(), "discovery must be true or false");
  } else if (key == "listen" || key == "peer") {
    auto uris = read_texts(path, key, node, "channel URIs, such as [\"udp://[::]:7400\"]");
    if (!uris) return uris.why();
    (key == "listen" ? out.listen : out.peer) = std::move(*uris);
  } else if (key == "media") {
    auto schemes = read_texts(path, key, node, "schemes, such as [\"udp\", \"tcp\"]");
    if (!schemes) return schemes.why();
    out.media = std::move(*schemes);
  } else {
    return at_line(path, node.source(), "unknown key '" + std::string{key} + "' (known: name, listen, peer, media, discovery)");
  }
  return {};
}

result<void> write_durably(const std::string& path, const std::string& text) {
  auto temporary = path + ".new";
  host::owned_fd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!fd.valid()) return host::os_error("create " + temporary);
  for (std::string_view rest = text; !rest.empty();) {
    auto n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno != EINTR) return host::os_error("write " + temporary);
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return host::os_error("sync " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return host::os_error("rename " + temporary);
  return {};
}

} // namespace

void agent_config::apply(const agent_config& more) {
  if (more.name) name = more.name;
  if (more.listen) listen = more.listen;
  if (more.peer) peer = more.peer;
  if (more.media) media = more.media;
  if (more.discovery) discovery = more.discovery;
}

result<void> check(const agent_config& config) {
  if (config.name) {
    auto& name = *config.name;
    auto plain = name.find_first_of("/@ \t\n\r") == std::string::npos && std::none_of(name.begin(), name.end(), [](char c) {
                   return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                 });
    if (name.empty() || name.size() > limits::node_name_bytes_max || !plain)
      return {error_code::usage, "a node's name has 1 to 63 bytes, without blanks, '/' and '@' (such as laptop)"};
  }
  for (auto* uris : {&config.listen, &config.peer})
    if (*uris)
      for (auto& each : **uris)
        if (auto uri = parse_channel_uri(each); !uri) return uri.why();
  return {};
}

result<agent_config> read_config(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return agent_config{};
  std::ifstream file{path, std::ios::binary};
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return error{error_code::io, "cannot read " + path};
  agent_config out;
  try {
    auto parsed = toml::parse(text.str(), path);
    for (auto&& [key, node] : parsed)
      if (auto read = read_key(path, key.str(), node, out); !read) return read.why();
  } catch (const toml::parse_error& wrong) {
    return at_line(path, wrong.source(), std::string{wrong.description()});
  }
  if (auto good = check(out); !good) return error{good.why().code, path + ": " + good.why().message};
  return out;
}

result<void> write_config(const std::string& path, const agent_config& config) {
  auto array = [](const std::vector<std::string>& texts) {
    toml::array out;
    for (auto& each : texts) out.push_back(each);
    return out;
  };
  toml::table out;
  if (config.name) out.insert("name", *config.name);
  if (config.listen) out.insert("listen", array(*config.listen));
  if (config.peer) out.insert("peer", array(*config.peer));
  if (config.media) out.insert("media", array(*config.media));
  if (config.discovery) out.insert("discovery", *config.discovery);
  std::stringstream text;
  text << "# What this device's agent is started with. Written by glow up, read by glowd.\n" << out << '\n';
  return write_durably(path, text.str());
}

} // namespace glow::client
