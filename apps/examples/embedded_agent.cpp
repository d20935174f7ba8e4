// A program that embeds an agent: starts a node in a directory of its own, says who it is, and runs until it is told to
// stop (glow --home HOME down). The node joins a namespace, keeps files and runs jobs like one that glow up started.
//
//   embedded_agent HOME
#include "actors/agent.hpp"
#include "runtime/base/base32.hpp"
#include "transports/catalog.hpp"
#include "transports/production_discovery.hpp"

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: embedded_agent HOME\n", stderr);
    return 2;
  }
  glow::agent_options options;
  options.home = argv[1];
  options.node_name = "embedded";
  options.transports = glow::transports::production_catalog();
  options.discover = glow::transports::production_discovery();
  auto agent = glow::agent::start(std::move(options));
  if (!agent) {
    std::fprintf(stderr, "embedded_agent: %s\n", agent.why().message.c_str());
    return glow::exit_status(agent.why().code);
  }
  std::printf("node %s runs in %s: stop it with glow --home %s down\n", glow::to_string((*agent)->id()).c_str(), argv[1],
              argv[1]);
  std::fflush(stdout);
  return glow::exit_status((*agent)->wait().code);
}
