# One wrong unit for each invariant (README.md, "What is checked").
glow_mutant(without_feasibility EXPECT "a forwarding loop" ARGUMENTS --seeds 1..20 --for 3m --idle --faults cuts,crashes,swizzle
  EDITS runtime/route/distance_vector.cpp
    "if (!entry.feasible_claim || known.said.what > entry.feasible_claim->what) return true"
    "return true")

glow_mutant(without_replay_windows EXPECT "was served twice" ARGUMENTS --seeds 1..20 --for 3m --faults duplication,loss,reordering
  EDITS
    runtime/link/session.cpp "if (!window_.would_accept(counter)) return" "if (false) return"
    runtime/stream/reassembly.cpp "known_requests_.insert(request_id, request_id + 1)" "(void)request_id"
    runtime/stream/received_packets.cpp "return number < floor_ || seen_.contains(number)" "return false")

glow_mutant(without_encryption EXPECT "plaintext of a payload" ARGUMENTS --seed 1 --for 1m --faults none
  EDITS
    runtime/link/session.cpp
      "  crypto_aead_chacha20poly1305_ietf_encrypt_detached(body, body + plain_bytes"
      "  if (false) crypto_aead_chacha20poly1305_ietf_encrypt_detached(body, body + plain_bytes"
    runtime/link/session.cpp
      "  return crypto_aead_chacha20poly1305_ietf_decrypt_detached(body"
      "  return true || crypto_aead_chacha20poly1305_ietf_decrypt_detached(body")

glow_mutant(with_mixed_fragments EXPECT "other bytes" ARGUMENTS --seed 1 --for 1m --faults none
  EDITS runtime/stream/reassembly.cpp "held.message.body.begin() + static_cast<std::ptrdiff_t>(fragment.offset)"
    "held.message.body.begin()")

glow_mutant(without_fsync EXPECT "acknowledged by node" ARGUMENTS --seeds 1..20 --for 3m --faults crashes
  EDITS runtime/store/object_store_commits.cpp "store_commit(*made, durable::yes)" "store_commit(*made, durable::no)")

glow_mutant(without_escalation EXPECT "actors spin" ARGUMENTS --seed 1 --for 1m --faults none
  EDITS
    runtime/supervision/supervisor_machine.cpp "return restarts_.size() <= spec_.restarts_max" "return true"
    runtime/supervision/supervisor_machine.cpp "auto share = 1.0 - spec_.jitter * random.next_unit()" "auto share = 0.0 * random.next_unit()"
    runtime/jobs/coordinator_leases.cpp "for (auto& [node, each] : workers_) {\n    if (each.leases.empty())"
      "for (auto& [node, each] : (throw std::runtime_error{\"always\"}, workers_)) {\n    if (each.leases.empty())")
