# Identity room: who belongs to a namespace. On disk: NamespaceFile. On the wire: Certificate (in handshakes),
# RecordList and Sync* (membership_sync requests), TicketContent (inside a ticket's text).
# All identities, digests and secrets are 32 bytes, signatures 64; readers refuse any other length.
@0xce905ec4415c8505;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema");

struct MembershipRecord {
  # One signed fact about a namespace. The signature covers every field below but itself, as runtime/identity/record.hpp
  # tells; what later versions add goes into `extension`, which is signed and carried on by nodes that do not know it.
  namespaceId @0 :Data;
  kind @1 :UInt8;        # 0 create, 1 admit, 2 expel
  role @2 :UInt8;        # of the subject: 0 admin, 1 member, 2 guest
  atUnixMs @3 :Int64;    # the issuer's wall clock, moved past the newest record on the same subject
  subject @4 :Data;      # node id
  name @5 :Text;         # admit: of the node; create: of the namespace
  ticketId @6 :Data;     # admit by ticket; else empty
  issuer @7 :Data;       # root public key or an admin's node id
  extension @8 :Data;
  signature @9 :Data;    # Ed25519
}

struct RecordList {
  records @0 :List(MembershipRecord);
}

struct Certificate {
  # The admit record of a node, then of the admin who issued it, and so on; the last one is issued by the root.
  # Namespace and issuers follow from the chain and are left out, so that it fits a handshake message.
  namespaceId @0 :Data;
  links @1 :List(CertificateLink);
}

struct CertificateLink {
  role @0 :UInt8;
  atUnixMs @1 :Int64;
  subject @2 :Data;
  name @3 :Text;
  ticketId @4 :Data;
  extension @5 :Data;
  signature @6 :Data;
}

struct TicketContent {
  # Packed, inside the text form of a ticket (runtime/identity/ticket.hpp).
  namespaceId @0 :Data;
  namespaceName @1 :Text;
  secret @2 :Data;       # the handshake's psk; the ticket's id is its hash
  inviter @3 :Data;      # node id
  role @4 :UInt8;
  expiresUnixMs @5 :Int64;
  addresses @6 :List(Text);  # channel URIs
}

struct NodeAddresses {
  node @0 :Data;
  uris @1 :List(Text);
}

struct TicketState {
  # What the inviter keeps of a ticket.
  id @0 :Data;
  secret @1 :Data;
  role @2 :UInt8;
  expiresUnixMs @3 :Int64;
  usedBy @4 :Data;       # empty while open
}

struct NamespaceFile {
  # A node's whole knowledge of its namespace; written whole and atomically. Also what a joiner is sent, then
  # without root seed and tickets, and without secret for guests.
  format @0 :UInt16;     # 1
  namespaceId @1 :Data;
  name @2 :Text;
  rootSeed @3 :Data;     # founder only
  secret @4 :Data;       # admins and members only
  records @5 :List(MembershipRecord);
  tickets @6 :List(TicketState);
  addresses @7 :List(NodeAddresses);
}

struct SyncRequest {
  # "This is what I have; take what you lack." One request and one response bring both sides level, but for the records
  # that the responder wants: they follow in a second request.
  setDigest @0 :Data;           # over all record digests; equal sets have equal ones
  have @1 :List(UInt64);        # first eight bytes of each record's digest; empty when only pushing
  pushed @2 :List(MembershipRecord);
  addresses @3 :List(NodeAddresses);  # the sender's own first
  certificate @4 :Data;         # the sender's: the answerer may not have heard of its admission yet
  brief @5 :Bool;               # only digests and the sender's own places: "do we differ?"
  placesDigest @6 :UInt64;      # over the places of everybody but the two
}

struct SyncResponse {
  setDigest @0 :Data;           # after the merge
  records @1 :List(MembershipRecord);  # those the requester lacks
  wanted @2 :List(UInt64);      # prefixes the responder lacks
  addresses @3 :List(NodeAddresses);
  differs @4 :Bool;             # answer to a brief request: ask again, and tell everything
}
