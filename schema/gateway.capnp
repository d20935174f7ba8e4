# What a node offers to the mesh and fetches from it over plain sockets: the file HOME/services.
@0xd1c2a6f0b7e94853;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema");

struct GatewayFile {
  exposed @0 :List(ExposedService);
  forwards @1 :List(Forward);
}

struct ExposedService {
  name @0 :Text;
  target @1 :Text;    # tcp://host:port or unix:/path
}

struct Forward {
  listen @0 :Text;    # tcp://host:port or unix:/path
  node @1 :Data;      # node id
  service @2 :Text;
  bulk @3 :Bool;
}
