#include "runtime/gateway/gateway_file.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace glow;
using namespace glow::gateway;

namespace {

std::string target_text(std::string_view text) {
  auto parsed = parse_target(text);
  return parsed ? to_string(*parsed) : "refused";
}
std::string listen_text(std::string_view text) {
  auto parsed = parse_listen_address(text);
  return parsed ? to_string(*parsed) : "refused";
}

} // namespace

TEST_CASE("a target may be written with or without its scheme") {
  CHECK(target_text("tcp://127.0.0.1:22") == "tcp://127.0.0.1:22");
  CHECK(target_text("nas.lan:22") == "tcp://nas.lan:22");
  CHECK(target_text("[::1]:22") == "tcp://[::1]:22");
  CHECK(target_text("/run/x.sock") == "unix:/run/x.sock");
  CHECK(target_text("unix:/run/x.sock") == "unix:/run/x.sock");
  for (auto wrong : {"", "22", "nas", "tcp://nas", "udp://nas:1", "nas:0", "nas:99999", "ftp://x:1", "tcp://nas:22?class=drop"}) {
    INFO(wrong);
    CHECK(target_text(wrong) == "refused");
  }
}

TEST_CASE("a bare port listens on this machine only, a star on every address") {
  CHECK(listen_text("2222") == "tcp://127.0.0.1:2222");
  CHECK(listen_text(":2222") == "tcp://127.0.0.1:2222");
  CHECK(listen_text("*:2222") == "tcp://0.0.0.0:2222");
  CHECK(listen_text("0") == listen_text("127.0.0.1:0"));
  CHECK(listen_text("192.168.1.5:2222") == "tcp://192.168.1.5:2222");
  CHECK(listen_text("/run/x.sock") == "unix:/run/x.sock");
  CHECK(listen_text("99999") == "refused");
  CHECK(listen_text("") == "refused");
}

TEST_CASE("a service of a node is written with a slash") {
  CHECK(*parse_service_address("nas/ssh") == std::pair<std::string, std::string>{"nas", "ssh"});
  CHECK(*parse_service_address("nas@bob/ssh-2.x_y") == std::pair<std::string, std::string>{"nas@bob", "ssh-2.x_y"});
  for (auto wrong : {"", "nas", "/ssh", "nas/", "nas/a b", "nas/a/b"})
    CHECK(parse_service_address(wrong).why().code == error_code::usage);
  CHECK_FALSE(check_service_name(std::string(65, 'a')).ok());
  CHECK(check_service_name(std::string(64, 'a')).ok());
}

TEST_CASE("the list of services is read as it was written") {
  gateway_file file;
  file.exposed = {{"ssh", *parse_target("127.0.0.1:22")}, {"db", *parse_target("/run/db")}};
  node_id node;
  node.value[5] = 7;
  file.forwards = {{*parse_listen_address("2222"), node, "ssh", false}, {*parse_listen_address("/run/y"), node, "web", true}};
  auto read = decode_gateway_file(encode(file));
  REQUIRE(read.ok());
  CHECK(*read == file);
}

TEST_CASE("a damaged list of services is refused, whatever the damage, or reads as something valid") {
  gateway_file file;
  file.exposed = {{"ssh", *parse_target("127.0.0.1:22")}};
  file.forwards = {{*parse_listen_address("2222"), node_id{}, "ssh", false}};
  const auto bytes = encode(file);
  REQUIRE(rc::check([&] {
    auto damaged = bytes;
    for (int i = *rc::gen::inRange(1, 8); i > 0; --i)
      damaged[*rc::gen::inRange<std::size_t>(0, damaged.size())] = *rc::gen::arbitrary<std::uint8_t>();
    damaged.resize(*rc::gen::inRange<std::size_t>(0, damaged.size() + 1));
    if (auto read = decode_gateway_file(damaged)) {
      for (auto& each : read->exposed) RC_ASSERT(check_service_name(each.name).ok());
      RC_ASSERT(decode_gateway_file(encode(*read)).ok());
    }
  }));
  CHECK_FALSE(decode_gateway_file({}).ok());
}
