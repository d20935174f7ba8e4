# One wrong unit for each invariant (README.md, "What is checked").
glow_mutant(without_feasibility EXPECT "a forwarding loop" ARGUMENTS --seeds 1..20 --for 3m --idle --faults cuts,crashes,swizzle
  EDITS runtime/route/distance_vector.cpp
    "if (!entry.feasible_claim || known.said->what > entry.feasible_claim->what) return true"
    "return true")

glow_mutant(without_replay_windows EXPECT "was served twice" ARGUMENTS --seeds 1..20 --for 3m --faults duplication,loss,reordering
  EDITS
    runtime/link/session.cpp "if (!window_.would_accept(counter)) return" "if (false) return"
    runtime/stream/reassembly.cpp "known_requests_.insert(request_id, request_id + 1)" "(void)request_id"
    runtime/stream/received_packets.cpp "return number < floor_ || seen_.contains(number)" "return false")

glow_mutant(without_encryption EXPECT "plaintext of a payload" ARGUMENTS --seed 1 --for 1m --faults none
  EDITS
    runtime/link/session.cpp "  seals_.seal({body" "  if (false) seals_.seal({body"
    runtime/link/session.cpp "  return opens_.open(" "  return true || opens_.open(")

glow_mutant(with_mixed_fragments EXPECT "other bytes" ARGUMENTS --seed 1 --for 1m --faults none
  EDITS runtime/stream/reassembly.cpp "held.message.body.begin() + static_cast<std::ptrdiff_t>(fragment.offset)"
    "held.message.body.begin()")

glow_mutant(without_fsync EXPECT "acknowledged by node" ARGUMENTS --seeds 1..20 --for 3m --faults crashes
  EDITS runtime/store/object_store_commits.cpp "store_commit(*made, durable::yes, with)" "store_commit(*made, durable::no, with)")

glow_mutant(without_escalation EXPECT "actors spin" ARGUMENTS --seed 1 --for 1m --faults none
  EDITS
    runtime/supervision/supervisor_machine.cpp "return restarts_.size() <= spec_.restarts_max" "return true"
    runtime/supervision/supervisor_machine.cpp "auto share = 1.0 - spec_.jitter * random.next_unit()" "auto share = 0.0 * random.next_unit()"
    runtime/jobs/coordinator_leases.cpp "for (auto& [node, each] : workers_) {\n    if (each.leases.empty())"
      "for (auto& [node, each] : (throw std::runtime_error{\"always\"}, workers_)) {\n    if (each.leases.empty())")

glow_mutant(without_request_bound EXPECT "'s requests to" ARGUMENTS --seeds 1..20 --for 2m --faults floods
  EDITS runtime/stream/outbox.cpp
    "if (requests_ - requests_started_ >= limits::stream_requests_queued_max\n      || held_bytes_"
    "if (held_bytes_")

glow_mutant(without_fencing EXPECT "exists in" ARGUMENTS --seeds 1..30 --for 5m --faults cuts,partitions,crashes --pace 20s
  EDITS
    runtime/jobs/coordinator_machine.cpp "return found.token == token && token != 0 ? &found : nullptr" "return &found"
    runtime/jobs/coordinator_machine.cpp "if (!found || found->worker != from) return false" "if (!found) return false"
    runtime/jobs/coordinator_machine.cpp
      "if (found->state != step_state::offered && found->state != step_state::running) return false" "(void)from")

glow_mutant(without_slow_beat EXPECT "control traffic" ARGUMENTS --seed 1 --for 5m --idle --faults none
  EDITS runtime/link/liveness.cpp "return beat_after(heard_at_ + (leads_ ? limits::link_beat / 2 : 2 * limits::link_beat))"
    "return heard_at_ + 100ms")

glow_mutant(without_announcements EXPECT "see different trees" ARGUMENTS --seed 1 --nodes 2 --topology line --for 1m --faults none
  EDITS actors/store/sync.cpp "return !peer.known || lacks_ours(state, peer) || !contains(state.objects->vector(), peer.holds)"
    "return !peer.known")

glow_mutant(without_known_letters EXPECT "was in the box of" ARGUMENTS --seeds 1..12 --for 2m
  EDITS runtime/mail/inbox.cpp "received.contains(header->number)" "received.contains(UINT64_MAX)")

glow_mutant(with_gaps_in_streams EXPECT "received other bytes than were written" ARGUMENTS --seeds 1..5 --for 1m --faults loss
  EDITS runtime/stream/receiving_stream.cpp "    if (offset <= in_order_) {"
    "    if (in_order_ = std::max(in_order_, offset), true) {")
