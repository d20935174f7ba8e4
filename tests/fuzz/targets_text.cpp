// Text that people, tickets and peers bring: base32, hex, escapes, channel URIs, names, paths and versions.
#include "runtime/base/base32.hpp"
#include "runtime/base/uri.hpp"
#include "runtime/identity/roster.hpp"
#include "runtime/link/frames.hpp"
#include "runtime/store/tree_entry.hpp"
#include "runtime/store/version_suffix.hpp"
#include "tests/fuzz/targets.hpp"

namespace glow::fuzz {
namespace {

std::vector<seed> as_seeds(std::initializer_list<std::pair<const char*, std::string_view>> texts) {
  std::vector<seed> out;
  for (auto& [name, text] : texts) out.push_back({name, to_bytes(text)});
  return out;
}

void check_text(byte_view input) {
  auto text = as_text(input);
  require(*from_base32(to_base32(input)) == to_bytes(input), "base32 gives back what it was given");
  require(*from_hex(to_hex(input)) == to_bytes(input), "hex gives back what it was given");
  require(*percent_decode(percent_encode(text)) == text, "escapes give back what they were given");
  if (auto bytes = from_base32(text)) require(from_base32(to_base32(*bytes)).value() == *bytes, "base32 decodes to one meaning");
  if (auto bytes = from_hex(text)) require(from_hex(to_hex(*bytes)).value() == *bytes, "hex decodes to one meaning");
  if (auto plain = percent_decode(text)) require(plain->size() <= text.size(), "escapes only shrink");

  auto name = identity::node_name_from(text);
  require(identity::is_node_name(name), "every text has a nearest node name");
  if (identity::is_node_name(text)) require(name == text, "a node name is its own nearest one");

  auto shown = link::bounded_text(input);
  require(shown.size() <= limits::uri_bytes_max, "shown text is bounded");
  for (char c : shown) require(static_cast<unsigned char>(c) >= ' ' && c != 0x7f, "shown text moves no terminal");
  require(link::bounded_text(as_bytes(shown)) == shown, "shown text is shown as it is");

  if (auto path = store::normalise_path(text)) {
    require(*path == "/" || store::check_path(*path).ok(), "a normalised path is a path");
    require(store::normalise_path(*path).value() == *path, "a normalised path is its own normal form");
  }
  if (auto parts = store::version_suffix::split(text)) {
    require(store::version_suffix::parse(parts->version).ok(), "what is split off is a version");
    require(!parts->path.empty(), "what is left of a version is a path");
  }
}

std::vector<seed> text_seeds() {
  return as_seeds({{"base32", "mfrggzdfmztwq2lknnwg23tpoa"},
                   {"hex", "00ff7f80a5"},
                   {"escapes", "/a%20b%2Fc?k=%e4"},
                   {"path", "/docs//./a.txt@2026-11-20"},
                   {"version", "/docs/a.txt@12"},
                   {"commit", "/a@mfrggzdfmztwq2lk"},
                   {"utf8", "Grüße, \xe2\x82\xac \xf0\x9f\x8c\xb1 \x1b[2J \xc0\xaf \xed\xa0\x80"}});
}

void check_uri(byte_view input) {
  auto uri = parse_channel_uri(as_text(input));
  if (!uri) return require_readable(uri.why());
  auto text = to_string(*uri);
  auto again = parse_channel_uri(text);
  require(again.ok(), "the canonical text of a URI is a URI");
  require(*again == *uri, "the canonical text of a URI means the same");
  require(to_string(*again) == text, "a URI has one canonical text");
}

std::vector<seed> uri_seeds() {
  return as_seeds({{"udp", "udp://192.168.1.5:7400"},
                   {"tcp6", "tcp://[fe80::1%25eth0]:7400?class=control"},
                   {"unix", "unix:/run/glow%20home/a.sock"},
                   {"loopback", "loopback:name?rate=9600&mtu=1200"},
                   {"host", "tcp://nas.example.org/"}});
}

} // namespace

const target text_target{"text", "base32, hex, percent escapes, names, paths, versions, text for terminals", check_text,
                         text_seeds, 2048};
const target uri_target{"uri", "parse_channel_uri", check_uri, uri_seeds, 2048};

} // namespace glow::fuzz
