# What coordinators and workers of jobs say to each other, and what the ledger keeps. See schema/README.md for the rules.
@0xeb64a8f8366bd0e2;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema");

struct Lease {
  # The right to run one attempt of one step. A later attempt of the same step has another token (fencing).
  token @0 :UInt64;
  job @1 :Text;
  index @2 :UInt64;
  command @3 :List(Data);      # argv; {} and {/} not yet replaced
  input @4 :Data;              # path in the namespace; empty: no input
  inputCommit @5 :Text;        # version of the namespace it was listed in
  timeoutMs @6 :UInt64;
}

struct LeaseOffer { leases @0 :List(Lease); }

struct WorkerLoad {
  slots @0 :UInt32;
  running @1 :UInt32;          # steps at work or waiting, of all coordinators
  tokens @2 :List(UInt64);     # offers: those accepted; beats: the asker's own that still live
}

struct LeaseBeat { tokens @0 :List(UInt64); }

struct StepResult {
  token @0 :UInt64;
  job @1 :Text;
  index @2 :UInt64;
  started @3 :Bool;            # false: the command never ran; "why" tells
  exitStatus @4 :Int32;        # 128 + signal where it was killed
  why @5 :Text;
  entries @6 :Data;            # staged outputs, opaque to the coordinator
  outputBytes @7 :UInt64;
}

struct StepResultAnswer { taken @0 :Bool; }

struct LedgerJob {
  id @0 :Text;
  command @1 :List(Data);
  each @2 :Data;
  out @3 :Data;
  retries @4 :UInt32;
  stepTimeoutMs @5 :UInt64;
  submittedMs @6 :Int64;
  inputCommit @7 :Text;
  inputs @8 :List(Data);       # one step each; a job without --each has one empty input
  cancelled @9 :Bool;
}

struct LedgerStep {
  # Written when a step ends for good; a step without a record is still to be done.
  done @0 :Bool;               # false: failed or cancelled
  cancelled @1 :Bool;
  exitStatus @2 :Int32;
  attempts @3 :UInt32;
  node @4 :Text;
  why @5 :Text;
}
