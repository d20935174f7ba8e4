# What glow, glow-shell and other programs of this device say to their agent over HOME/control.sock, and its answers.
# On the socket each message is a frame: its length in bytes (u32, little-endian), then the message in standard framing.
# Evolution: add fields and union members at the end; an agent answers an unknown command with a failure.
@0xbfa79e51aed3a03d;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema");

struct ControlArgument {
  key @0 :Text;
  value @1 :Data;        # bytes: paths need not be UTF-8
}

struct ControlRequest {
  id @0 :UInt32;         # chosen by the client, unique among its commands that still run
  union {
    command :group {
      name @1 :Text;     # "status", "put", "actor.state" …
      arguments @2 :List(ControlArgument);  # a key may come several times, in order
    }
    data @3 :Data;       # input of a running command (put - PATH)
    end @4 :Void;        # end of that input
    cancel @5 :Void;     # give the command up; it is still answered, by a failure
  }
}

struct ControlAnswer {
  id @0 :UInt32;
  union {
    progress :group {
      what @1 :Text;
      done @2 :UInt64;
      total @3 :UInt64;  # 0 while unknown
      unit @4 :Text;     # "B", "steps"
    }
    data @5 :Data;       # output of the command (cat, get PATH -)
    result :group {      # the last word, on success
      json @6 :Data;     # UTF-8; a long document comes in slices
      more @7 :Bool;     # another slice follows
    }
    failure :group {     # the last word, on failure
      code @8 :UInt16;   # glow::error_code
      message @9 :Text;
    }
  }
}
