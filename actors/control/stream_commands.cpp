// Commands about streams and services: listen dial expose forward, with expose.rm expose.list forward.rm forward.list.
#include "actors/control/ask.hpp"
#include "actors/control/documents.hpp"
#include "runtime/base/base32.hpp"

namespace glow {

/// A program's input and output joined to one stream.
///   listening ─ incoming_stream ─┐
///   dialling ─ stream_opened ────┴─► joined ─ both directions ended ─► answered
class stream_session : public std::enable_shared_from_this<stream_session> {
public:
  stream_session(call_ptr call, std::string service) : call_{std::move(call)}, service_{std::move(service)} {
    call_->be_patient();
    ends_with_peer_ = call_->text("end_with_peer") == "1";
  }

  const std::string& service() const { return service_; }
  void join(stream_id id, std::size_t writable) {
    id_ = id;
    writable_ = writable;
    call_->take_input([held = shared_from_this()](byte_string bytes) { held->on_input(std::move(bytes)); });
  }
  void on_received(stream_received& m) {
    for (auto& each : m.bytes.take()) {
      received_ += each.size();
      unread_ += each.size();
      call_->output(std::move(each));
    }
    if (unread_ > 0)
      call_->when_read([held = shared_from_this()] { held->tell(consume_stream{held->id_, std::exchange(held->unread_, 0)}); });
    if (m.end && ends_with_peer_) end_input();
  }
  void on_writable(std::size_t bytes) {
    writable_ += bytes;
    const auto paid = std::min(owed_, writable_);
    owed_ -= paid;
    writable_ -= paid;
    call_->input_used(paid);
  }
  void on_ended(const error& why) {
    if (why.code != error_code::none) return call_->fail(why);
    call_->answer({{"service", service_}, {"sent", sent_}, {"received", received_}});
  }
  stream_id id() const { return id_; }
  const call_ptr& call() const { return call_; }

private:
  template <class Message>
  void tell(Message m) {
    call_->self()->send(call_->parts().endpoint, std::move(m));
  }
  void end_input() {
    if (!std::exchange(input_ended_, true)) tell(write_stream{id_, {}, true});
  }
  /// What may be written now makes room at once; the rest when the stream has room: so the program is held back.
  void on_input(byte_string bytes) {
    if (bytes.empty()) return end_input();
    const auto size = bytes.size();
    if (input_ended_) return call_->input_used(size);
    sent_ += size;
    const auto paid = std::min(size, writable_);
    writable_ -= paid;
    owed_ += size - paid;
    tell(write_stream{id_, packet_batch::of(std::move(bytes)), false});
    call_->input_used(paid);
  }

  call_ptr call_;
  std::string service_;
  stream_id id_ = 0;
  std::size_t writable_ = 0;
  std::size_t owed_ = 0;   ///< input that was written beyond what the stream had room for
  std::size_t unread_ = 0; ///< output that the program has not read
  std::uint64_t sent_ = 0, received_ = 0;
  bool input_ended_ = false;
  bool ends_with_peer_ = false;
};

namespace {

using documents::json;

constexpr duration for_ever = std::chrono::hours{24 * 365};

caf::strong_actor_ptr control_of(const call_ptr& call) { return caf::actor_cast<caf::strong_actor_ptr>(call->self()); }

void join(const call_ptr& call, const std::shared_ptr<stream_session>& session, stream_id id, std::size_t writable) {
  call->self()->state.streams.emplace(id, session);
  call->on_give_up([self = call->self(), id] {
    self->state.streams.erase(id);
    self->send(self->state.parts.endpoint, close_stream{id, {error_code::stopped, "the program at the other end went away"}});
  });
  session->join(id, writable);
}

void listen(const call_ptr& call) {
  auto service = call->text("service");
  if (auto known = gateway::check_service_name(service); !known) return call->fail(known.why());
  call->be_patient();
  ask<streams_served>(call, call->parts().endpoint, serve_streams{service, control_of(call)}, [=](streams_served&) {
    auto& state = call->self()->state;
    state.listening.insert_or_assign(service, std::make_shared<stream_session>(call, service));
    call->on_give_up([self = call->self(), service] {
      self->state.listening.erase(service);
      self->send(self->state.parts.endpoint, stop_serving{service});
    });
  });
}

void dial(const call_ptr& call) {
  auto address = gateway::parse_service_address(call->text("service"));
  if (!address) return call->fail(address.why());
  auto patience = call->number("timeout_ms", 30000, 86'400'000);
  if (!patience) return call->fail(patience.why());
  call->be_patient();
  const auto service = address->second;
  auto opening = std::chrono::milliseconds{*patience};
  with_node_named(call, address->first, [=](const node_id& node, const identity::roster&) {
    open_stream wanted{node, call->has("bulk") ? traffic_class::bulk : traffic_class::interactive, {}, control_of(call)};
    wanted.terms.service = service;
    wanted.terms.opening_patience = opening;
    ask<stream_opened>(call, call->parts().endpoint, std::move(wanted), [=](stream_opened& opened) {
      join(call, std::make_shared<stream_session>(call, service), opened.id, opened.writable);
    });
  });
}

// ---- the gateway -----------------------------------------------------------------------------------------------------

void expose(const call_ptr& call) {
  auto name = call->text("name");
  if (auto known = gateway::check_service_name(name); !known) return call->fail(known.why());
  auto target = gateway::parse_target(call->text("target"));
  if (!target) return call->fail(target.why());
  ask<gateway_done>(call, call->parts().gateway, expose_service{{name, *target}}, [=](gateway_done&) {
    call->answer({{"name", name}, {"target", to_string(*target)}});
  });
}

void expose_rm(const call_ptr& call) {
  auto name = call->text("name");
  ask<gateway_done>(call, call->parts().gateway, withdraw_service{name}, [=](gateway_done&) { call->answer({{"name", name}}); });
}

void expose_list(const call_ptr& call) {
  ask<gateway_report>(call, call->parts().gateway, get_gateway{}, [=](gateway_report& report) {
    auto out = json::array();
    for (auto& each : report.exposed)
      out.push_back({{"name", each.service.name},
                     {"target", to_string(each.service.target)},
                     {"connections", each.connections},
                     {"served", each.served}});
    call->answer(out);
  });
}

void forward(const call_ptr& call) {
  auto listen_at = gateway::parse_listen_address(call->text("listen"));
  if (!listen_at) return call->fail(listen_at.why());
  auto address = gateway::parse_service_address(call->text("service"));
  if (!address) return call->fail(address.why());
  const auto service = address->second;
  const auto at = *listen_at;
  with_node_named(call, address->first, [=](const node_id& node, const identity::roster& roster) {
    auto name = roster.name_of(node);
    ask<forward_added>(
      call, call->parts().gateway, add_forward{{at, node, service, call->has("bulk")}}, [=](forward_added& added) {
        call->answer({{"listen", to_string(added.listen)}, {"node", name}, {"node_id", to_string(node)}, {"service", service}});
      });
  });
}

void forward_rm(const call_ptr& call) {
  auto at = gateway::parse_listen_address(call->text("listen"));
  if (!at) return call->fail(at.why());
  ask<gateway_done>(call, call->parts().gateway, remove_forward{*at}, [call, text = to_string(*at)](gateway_done&) {
    call->answer({{"listen", text}});
  });
}

void forward_list(const call_ptr& call) {
  ask<roster_changed>(call, call->parts().name_space, get_roster{}, [=](roster_changed& m) {
    if (!m.roster) return call->fail({error_code::failed, "this node has no namespace yet"});
    auto roster = m.roster;
    ask<gateway_report>(call, call->parts().gateway, get_gateway{}, [=](gateway_report& report) {
      auto out = json::array();
      for (auto& each : report.forwards)
        out.push_back({{"listen", to_string(each.listen)},
                       {"node", roster->name_of(each.forward.node)},
                       {"node_id", to_string(each.forward.node)},
                       {"service", each.forward.service},
                       {"class", each.forward.bulk ? "bulk" : "interactive"},
                       {"why", each.trouble},
                       {"connections", each.connections},
                       {"served", each.served}});
      call->answer(out);
    });
  });
}

constexpr command_entry table[] = {
  {"listen", for_ever, listen},      {"dial", for_ever, dial},
  {"expose", 10s, expose},           {"expose.rm", 10s, expose_rm},
  {"expose.list", 10s, expose_list}, {"forward", 10s, forward},
  {"forward.rm", 10s, forward_rm},   {"forward.list", 10s, forward_list},
};

std::shared_ptr<stream_session> session_of(control_self self, stream_id id) {
  auto found = self->state.streams.find(id);
  return found == self->state.streams.end() ? nullptr : found->second;
}

} // namespace

void on_stream(control_self self, const incoming_stream& m) {
  auto waiting = self->state.listening.extract(m.service);
  if (waiting.empty() || waiting.mapped()->call()->ended())
    return self->send(self->state.parts.endpoint, close_stream{m.id, {error_code::not_found, "nobody listens there any more"}});
  self->send(self->state.parts.endpoint, stop_serving{m.service});
  join(waiting.mapped()->call(), waiting.mapped(), m.id, m.writable);
}

void on_stream(control_self self, stream_received& m) {
  if (auto session = session_of(self, m.id)) session->on_received(m);
}

void on_stream(control_self self, const stream_writable& m) {
  if (auto session = session_of(self, m.id)) session->on_writable(m.bytes);
}

void on_stream(control_self self, const stream_ended& m) {
  auto session = session_of(self, m.id);
  if (!session) return;
  self->state.streams.erase(m.id);
  session->on_ended(m.why);
}

std::span<const command_entry> stream_commands() { return table; }

} // namespace glow
