"""A stream between two agents with two ways: how long it stands still when the way in use is cut, and whether it stays whole.

usage: tools/bench cuts [--cut down|blackhole|relay …] [--cuts 20] [--rate 20] [--transport udp|tcp|both] [--with glow|tcp]
                        [--no-install] [--bin DIR] [--json]

  down        two veth pairs between bench-PID-a and bench-PID-b; the interface that carries the stream is set down, in turn at either end.
              Limit 500 ms
  blackhole   the same, but nft drops silently whatever arrives through it, at both ends. Limit 1 s
  relay       agents in bench-PID-r and bench-PID-s, each a way from a to b, which have no other; the one in use is killed with -9.
              Limit 500 ms

Each kind: one stream of numbered blocks at --rate MB/s through glow dial and glow listen, cut --cuts times. Before each cut both
ways are up and bytes flow; which way is in use is read from the interfaces' counters. After the watch the way is restored.
again ms     from before the command that cuts (it takes some ms itself) until bytes flow again: the end of the last silence of 50 ms
             or more that the cut began
--transport  what the links speak; both: the two veth pairs unlike each other, udp on one and tcp on the other
Every byte is compared with what was sent, in order, up to the stream's end: "whole" is nothing lost, doubled or changed.

--with tcp   tries this harness itself: one plain TCP connection over one of the ways, which is restored 300 ms after each cut, so
             that the silence is at least that long; no limit applies, and no relay is cut.
Needs root and what tools/bench overlay installs. Namespaces and agents end with it, also at ^C.
Exit status: 0 every limit kept and every stream whole, 1 not, 2 usage.
"""
import contextlib
import os
import signal
import statistics
import tempfile
import time

import agents
import mesh as end_to_end
import numbered
import peers
import readings
import streams
from overlay import say
from segment import Net, Unusable

LIMIT_S = {"down": 0.5, "blackhole": 1.0, "relay": 0.5}
WATCH_S = 3.0      # after a cut: longer than any limit
HEAL_S = 0.3       # --with tcp
RESTORE_S = 30     # for both ways to be up again
STEADY_S = 0.5     # bytes flow, and the way in use is measured
PORT = 7400


class TwoWires:
    """a and b, joined by two veth pairs: ways are named by the interface, which is alike at both ends."""

    ways = ["eth0", "eth1"]

    def __init__(self, options, directory):
        self.options, self.net = options, Net("a", "b", directory=directory)
        self.mesh, self.stack = None, contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.net)
            self.wire()
            if self.options.carrier == "glow":
                self.mesh = stack.enter_context(agents.Agents(self.net, self.listen()))
                self.more_links()
                end_to_end.wait_for(RESTORE_S, "both ways to be up", self.all_up)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def wire(self):
        for subnet in ("10.90.3", "10.90.4"):
            self.net.wire("a", "b", subnet)

    def listen(self):
        if self.options.transport == "both":
            return {host: [f"udp://10.90.3.{number}:{PORT}", f"tcp://10.90.4.{number}:{PORT}"] for number, host in enumerate("ab", 1)}
        return {host: [self.place("0.0.0.0")] for host in self.net.hosts}

    def place(self, address):
        """Agents listen on every interface: a socket bound to one address would answer from it through the other interface, too."""
        return f"{self.options.transport}://{address}:{PORT}"

    def more_links(self):
        """The join made one link; whichever it was, both are wanted."""
        for host, other in (("a", 2), ("b", 1)):
            for wire in (3, 4):
                scheme = {"both": {3: "udp", 4: "tcp"}[wire]}.get(self.options.transport, self.options.transport)
                self.mesh.nodes[host].glow("link", "add", f"{scheme}://10.90.{wire}.{other}:{PORT}")

    def all_up(self):
        links = [l["channel"] for l in self.mesh.nodes["a"].ask("links") if l["state"] == "up" and l["peer"] == "b"]
        return all(any(f"//10.90.{wire}." in channel for channel in links) for wire in (3, 4))

    def carrier(self):
        return self.mesh.dial if self.mesh else streams.PlainTcp(self.net, "10.90.3.2")

    def cut(self, kind, way, turn):
        if kind == "down":
            self.net.carrier("ab"[turn % 2], way, "down")
        else:
            self.net.drop("ab", way)

    def restore(self, kind, way, turn):
        if kind == "down":
            self.net.carrier("ab"[turn % 2], way, "up")
        else:
            self.net.undrop("ab")


class TwoRelays(TwoWires):
    """a and b, each wired to r and to s: a way is a's interface towards its relay."""

    relays = {"eth0": "r", "eth1": "s"}

    def __init__(self, options, directory):
        super().__init__(options, directory)
        self.net = Net("a", "r", "s", "b", directory=directory)

    def wire(self):
        for relay, near, far in (("r", "10.90.3", "10.90.4"), ("s", "10.90.5", "10.90.6")):
            self.net.wire("a", relay, near)
            self.net.wire(relay, "b", far)

    def listen(self):
        """Each joins through the one before: r by a, b by r, s by b; then s is linked to a."""
        both = self.options.transport == "both"
        return {host: [f"udp://0.0.0.0:{PORT}", f"tcp://0.0.0.0:{PORT}"] if both else [self.place("0.0.0.0")] for host in "arbs"}

    def more_links(self):
        scheme = "tcp" if self.options.transport == "both" else self.options.transport
        self.mesh.nodes["s"].glow("link", "add", f"{scheme}://10.90.5.1:{PORT}")

    def all_up(self):
        def peers_of(name):
            return {l["peer"] for l in self.mesh.nodes[name].ask("links") if l["state"] == "up"}
        return all({"r", "s"} <= peers_of(name) for name in "ab")

    def cut(self, kind, way, turn):
        os.kill(self.mesh.nodes[self.relays[way]].pid, signal.SIGKILL)

    def restore(self, kind, way, turn):
        self.mesh.nodes[self.relays[way]].up()


def way_in_use(place):
    before = place.net.transmitted("a")
    time.sleep(STEADY_S)
    return readings.busiest(before, place.net.transmitted("a"), place.ways)


def await_steady(flow):
    """Bytes flow, and nothing is silent for a while."""
    began = time.monotonic()
    while time.monotonic() - began < RESTORE_S and not flow.ended.is_set():
        time.sleep(STEADY_S)
        now = time.monotonic()
        recent = [t for t in flow.arrivals[-10_000:] if t > now - STEADY_S]
        if len(recent) > 5 and max(b - a for a, b in zip(recent, [*recent[1:], now])) < 0.05:
            return
    raise Unusable(f"no steady flow within {RESTORE_S} s: {flow.broken or 'too little arrives'}")


def cut_once(place, flow, kind, turn, heal):
    await_steady(flow)
    way, share = way_in_use(place)
    began = time.monotonic()
    place.cut(kind, way, turn)
    if heal:
        time.sleep(HEAL_S)
        place.restore(kind, way, turn)
    time.sleep(max(0.0, began + WATCH_S - time.monotonic()))
    until = time.monotonic()
    again, silence = readings.flow_again_s(began, [t for t in list(flow.arrivals) if t > began - 1], until)
    if not heal:
        place.restore(kind, way, turn)
        if place.mesh:
            end_to_end.wait_for(RESTORE_S, "both ways to be up again", place.all_up)
    kept = None if heal else again is not None and again <= LIMIT_S[kind]
    return {"way": way, "share": share, "again_ms": None if again is None else 1000 * again, "silence_ms": 1000 * silence, "kept": kept}


def one_kind(options, kind, directory):
    out = {"kind": kind, "limit_ms": 1000 * LIMIT_S[kind], "cuts": [], "whole": None}
    heal = options.carrier == "tcp"
    try:
        if heal and kind == "relay":
            raise agents.NotInThisBuild("not tried: a TCP connection does not outlive its relay")
        if not heal:
            agents.need(options.known, "glow listen", "glow dial")
        with (TwoRelays if kind == "relay" else TwoWires)(options, directory) as place:
            _, entry, outlet = place.carrier()("a", "b", "bench-cuts")
            flow = numbered.Flow(entry, outlet, options.rate)
            try:
                for turn in range(options.cuts):
                    out["cuts"].append(cut_once(place, flow, kind, turn, heal))
                    say(f"… {kind} {turn + 1}: {out['cuts'][-1]}")
            finally:
                out["broken"] = flow.finish()
                out["whole"], out["bytes"] = out["broken"] is None, flow.checker.blocks * numbered.BLOCK_BYTES
    except agents.NotInThisBuild as why:
        out["absent"] = str(why)
    except (Unusable, end_to_end.Failed, OSError) as why:
        out["failed"] = f"failed: {' '.join(str(why).split())[-400:]}"
    return out


def measure(options):
    peers.require_tools(options.no_install)
    options.known = agents.commands_of(options.bin)
    out = {"load": [round(x, 2) for x in os.getloadavg()], "with": options.carrier, "rate_mb_per_s": options.rate, "kinds": []}
    with tempfile.TemporaryDirectory(prefix="glow-bench.") as directory:
        for kind in options.cut:
            os.makedirs(place := os.path.join(directory, kind))
            say(f"… {kind}")
            out["kinds"].append(one_kind(options, kind, place))
    out["load_after"] = [round(x, 2) for x in os.getloadavg()]
    out["complete"] = all("absent" in k or ("failed" not in k and k["whole"] and all(c["kept"] is not False for c in k["cuts"]))
                          for k in out["kinds"])
    return out


def show(got, table):
    print(f"A stream of {got['rate_mb_per_s']} MB/s ({got['with']}) whose way is cut "
          f"(load {got['load'][0]} before, {got['load_after'][0]} after)")
    rows = []
    for kind in got["kinds"]:
        times = [c["again_ms"] for c in kind["cuts"]]
        flowed = sorted(t for t in times if t is not None)
        judged = [c["kept"] for c in kind["cuts"] if c["kept"] is not None]
        remark = next((f"!! {kind[t]}" for t in ("absent", "failed") if t in kind), f"!! {kind['broken']}" if kind.get("broken") else "")
        rows.append((kind["kind"], len(times), f"{statistics.median(flowed):.0f}" if flowed else "-",
                     f"{flowed[-1]:.0f}" if flowed and None not in times else "never" if times else "-", f"{kind['limit_ms']:.0f}",
                     f"{sum(judged)} of {len(judged)}" if judged else "-", {True: "yes", False: "NO", None: "-"}[kind["whole"]],
                     f"{kind.get('bytes', 0) / 1e6:.0f}", remark))
    widest = max(len(row[-1]) for row in rows)
    table(("cut", "cuts", "again ms median", "most", "limit", "kept", "whole", "MB", ""), [(*r[:-1], r[-1].ljust(widest)) for r in rows])
