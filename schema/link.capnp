# What link handshakes carry, and the admission of a new member. Hot formats (sealed datagrams, control frames) are
# hand-coded: runtime/link/session.hpp and frames.hpp have their byte diagrams.
# Evolution: add fields at the end with the next number; never renumber, retype or reuse.
@0x9cc1405348d9aefb;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema::link");

struct Payload {
  newest @0 :UInt16;            # link protocols the sender speaks: newest, oldest
  oldest @1 :UInt16;
  chosen @2 :UInt16;            # the one it settled on, having seen the receiver's offer; 0 before
  features @3 :UInt64;          # bits; unknown ones are ignored
  sessionIndex @4 :UInt32;      # the sender's, as in the datagram header, but authenticated
  datagramBytesMax @5 :UInt32;  # longest datagram the sender's side of the channel carries
  node @6 :Data;                # 32 bytes, Ed25519; its X25519 form is the Noise static key
  space @7 :Data;               # 32 bytes, namespace id
  certificate @8 :Data;         # identity room's encoding; empty when joining
  nodeName @9 :Text;
  listening @10 :List(Text);    # channel URIs
  observed @11 :Text;           # URI under which the sender sees the receiver; empty: unknown
  nonce @12 :Data;              # 16 bytes, fresh per attempt
  echoedNonce @13 :Data;        # the receiver's nonce, when the sender has seen it
  refusalCode @14 :UInt8;       # not 0: the sender wants no link
  refusalText @15 :Text;
  datagramBytesCeiling @16 :UInt32; # longest one that a path there may carry if probes pass; 0: does not say, or none
}

struct Admission {
  namespaceFile @0 :Data;       # identity room's encoding
  addresses @1 :List(Text);     # channel URIs of members
}
