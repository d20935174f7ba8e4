# What the mail actor keeps in the database, family `log`, under `mail/`. See schema/README.md for the rules.
# Letters and receipts are signed, hence canonical and coded by hand: runtime/mail/letter.hpp.
@0xb0fa7891eac0d39d;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema");

struct Parcel {
  # A letter that waits here for its recipient: this node's own, or one in custody. Its bytes lie under a key of their own.
  sender @0 :Data;
  recipient @1 :Data;
  numbering @2 :UInt64;
  number @3 :UInt64;
  bytes @4 :UInt64;
  sentMs @5 :Int64;
  expiresMs @6 :Int64;
  box @7 :Text;                # own letters only: custodians cannot know it
  custodians @8 :List(Data);   # own letters only
}

struct Numbering {
  # The number that the next letter to this node gets.
  recipient @0 :Data;
  numbering @1 :UInt64;
  next @2 :UInt64;
}

struct NumberRange { begin @0 :UInt64; end @1 :UInt64; }

struct Received {
  # Which letters of a sender this node has dealt with; outlives the letters.
  sender @0 :Data;
  numbering @1 :UInt64;
  ranges @2 :List(NumberRange);
  lastMs @3 :Int64;            # when the newest one came
}

struct KeptLetter {
  # A message in one of this node's boxes. Its body lies under a key of its own.
  arrival @0 :UInt64;
  from @1 :Data;
  numbering @2 :UInt64;
  number @3 :UInt64;
  box @4 :Text;
  sentMs @5 :Int64;
  receivedMs @6 :Int64;
  bytes @7 :UInt64;
}

struct Telling {
  # A receipt that the sender, or a custodian, has yet to hear of.
  to @0 :Data;
  receipt @1 :Data;
  expiresMs @2 :Int64;
}

struct EndedLetter {
  # What became of a letter of this node.
  recipient @0 :Data;
  numbering @1 :UInt64;
  number @2 :UInt64;
  box @3 :Text;
  end @4 :UInt8;               # 1 delivered, 2 expired, 3 refused
  why @5 :Text;
  bytes @6 :UInt64;
  sentMs @7 :Int64;
  endedMs @8 :Int64;
}
