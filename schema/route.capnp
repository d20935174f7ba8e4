# What routers tell each other. The header of every overlay packet is no Cap'n Proto: it is hand-coded, see
# runtime/route/overlay_header.hpp for its byte diagram. The structs here are bodies of packets of the kinds `announcement`
# (link-local, hop by hop) and `trace`. Fields are only ever added at the end; unknown ones are ignored.
@0x9dac296708311580;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema");

# One routing packet between two neighbours. Updates and requests are repeated until they are acknowledged.
struct RouteControl {
  session @0 :UInt64;            # epoch << 32 | count << 12 | random: a later one is higher, and voids the sender's old words
  number @1 :UInt64;             # counts the packets of this session from 1; 0: carries acknowledgements only
  ackSession @2 :UInt64;         # session of the receiver that `acks` belong to
  acks @3 :List(UInt64);         # numbers that arrived
  updates @4 :List(RouteUpdate);
  requests @5 :List(SeqnoRequest);
  hasDigest @6 :Bool;
  tableDigest @7 :UInt64;        # over all that the sender told the receiver and did not take back: still so
  asksTable @8 :Bool;            # answer to a digest that differs: tell me everything
}

# "I reach `origin` at this metric", as of the origin's signed (epoch, seqno). A metric of 0xffffffff: "not through me".
struct RouteUpdate {
  origin @0 :Data;               # 32 bytes
  epoch @1 :UInt64;              # seconds since 1970 when the origin started
  seqno @2 :UInt32;
  signature @3 :Data;            # Ed25519 by origin over (domain, origin, epoch, seqno); empty when both metrics are infinite
  classes @4 :UInt8;             # bit 0: the interactive fields are told, bit 1: the bulk fields are told
  interactiveHops @5 :UInt8;     # from the sender to the origin; 0: the sender is the origin
  bulkHops @6 :UInt8;
  interactiveMetric @7 :UInt32;  # microseconds
  bulkMetric @8 :UInt32;         # microseconds for a mebibyte at the bottleneck, plus a hop's cost
  interactivePacketBytesMax @9 :UInt32;  # smallest link packet on the way from the sender to the origin
  bulkPacketBytesMax @10 :UInt32;
}

# "I have no feasible route: tell me something newer than this" (RFC 8966, 3.8.1.2).
struct SeqnoRequest {
  origin @0 :Data;
  epoch @1 :UInt64;
  seqno @2 :UInt32;
  signature @3 :Data;            # of the newest (epoch, seqno) that the asker knows, so that nobody can inflate it
  bulk @4 :Bool;
  hopLimit @5 :UInt8;
}

# Probe: asks the node where its hop limit ends, or the destination, who it is. Answer: its words, sent back.
struct RouteTrace {
  trace @0 :UInt64;              # random, chosen by the asker
  probe @1 :UInt8;               # hop limit the probe left with
  answer @2 :Bool;
  link @3 :Text;                 # answer: the link by which the answering node would send on; empty at the destination
  linkClass @4 :Text;
}
