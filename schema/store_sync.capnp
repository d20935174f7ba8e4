# What two stores say to each other (requests store_heads and store_fetch). Sealed objects and signed commits only:
# whoever relays them learns neither names nor contents.
@0xd5d72e713ab1079b;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema::store_sync");

# Request and answer of store_heads: what I have, and some of what you lack.
struct Heads {
  vector @0 :List(DeviceCount); # how many commits of each device I hold: all, or those that changed since I told you last
  commits @1 :List(Data);       # signed commits beyond the receiver's vector, parents first
  whole @2 :Bool;               # the vector is all of mine
  digest @3 :UInt64;            # of all of mine; where it is not that of what you then know, ask for the whole
  known @4 :UInt64;             # digest of what I know of yours: what you tell may build on it
  asksWhole @5 :Bool;           # yours was another one than your digest says
}

struct DeviceCount {
  device @0 :Data;     # 32 bytes
  sequence @1 :UInt64;
}

# Request of store_fetch.
struct Fetch {
  addresses @0 :Data;  # 32 bytes each
}

# Answer of store_fetch. What is neither in objects nor in absent did not fit: ask again.
struct Fetched {
  objects @0 :List(Data); # sealed bytes; the receiver computes the address
  absent @1 :Data;        # addresses, 32 bytes each
}
