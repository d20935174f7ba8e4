# What the store keeps and exchanges: tree nodes, chunk lists, commits. Sealed objects around them: runtime/store/chunk.hpp.
# Evolution: fields are only added, at the end; nodes, lists and commits are written in canonical form, so that a reader
# that knows fewer fields still computes the same addresses of nodes that do not use the new ones.
@0xc8ef5cf09958432d;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("glow::schema");

# One entry of a tree. Fixed-size items are packed into Data, which costs no pointers:
#   chunks      0        32         64           68      repeated; plain bytes little-endian
#               +--------+----------+------------+
#               | id     | address  | plain bytes|
#               +--------+----------+------------+
#   chunkLists  addresses of 32 bytes each
struct TreeEntry {
  path @0 :Data;
  kind @1 :UInt8;           # 0 file, 1 directory, 2 symlink, 3 tombstone
  mode @2 :UInt32;
  modifiedNs @3 :Int64;
  size @4 :UInt64;
  target @5 :Data;          # of a symlink
  content @6 :Data;         # of a file: digest over its chunks
  chunks @7 :Data;
  chunkLists @8 :Data;
  stampTimeMs @9 :Int64;
  stampDevice @10 :UInt16;  # index into `devices` of the node or list
  stampSequence @11 :UInt64;
  revision @12 :UInt32;
}

struct TreeChild {
  lastKey @0 :Data;
  address @1 :Data;
  entries @2 :UInt64;       # below it, tombstones included
}

# Level 0 has entries, others children; both ascending by key.
struct TreeNode {
  level @0 :UInt8;
  devices @1 :Data;         # node ids of 32 bytes, in order of first use
  entries @2 :List(TreeEntry);
  children @3 :List(TreeChild);
}

# Entries outside of a tree: outputs of a job on their way.
struct EntryList {
  devices @0 :Data;
  entries @1 :List(TreeEntry);
}

struct ChunkList {
  chunks @0 :Data;          # as in TreeEntry
}

#   parents  commit ids of 32 bytes each, ascending
#   vector   0           32          40    repeated; ascending by device, sequence little-endian
#            +-----------+-----------+
#            | device    | sequence  |
#            +-----------+-----------+
struct Commit {
  namespaceId @0 :Data;
  root @1 :Data;
  parents @2 :Data;
  device @3 :Data;
  sequence @4 :UInt64;
  vector @5 :Data;
  timeMs @6 :Int64;
  message @7 :Text;
}

# `signature`: Ed25519 by the device over "glow commit v1" and `commit`.
struct SignedCommit {
  commit @0 :Data;          # canonical Commit with a segment table
  signature @1 :Data;
}
