"""One bulk stream over two ways at once beside the same stream over each of them alone.

usage: tools/bench stripe [--rate 20] [--rtt-ms 10] [--seconds 5] [--mix like|slower|lossy|farther …] [--no-install] [--bin DIR] [--json]

Rows: two ways of --rate MB/s and --rtt-ms, and the second of them
  like      the same as the first
  slower    a quarter as fast
  lossy     with one packet in a hundred lost, each way
  farther   with four times the round trip
Columns: MB/s over the first alone, over the second alone (the other one is a black hole meanwhile, and its link down), and over both;
what that is of the better one alone; and the shares of the two links as `glow links` has them at the end.

The ways lead from namespace a to b through r and s, where `glow_bench way` carries the frames: half the round trip each way, a
bottleneck with a queue of one round trip before it (at least 64 KiB). The stream is glow dial --bulk's stdin to glow listen's
stdout; what arrives in --seconds from the first byte on counts, so that links that were never used begin unmeasured.
The namespaces' names begin with bench-PID-, so that several runs do not meet. Needs root; installs what tools/bench overlay --loss does.
Exit status: 0 measured, and both ways carried at least 0.9 of the better one alone (1.7 of it where they are alike); 1 not; 2 usage.
"""
import contextlib
import os
import subprocess
import tempfile
import time

import agents
import mesh as end_to_end
import peers
import streams
from overlay import say
from segment import Net, Unusable, run, PREFIX

PORT = 7400
SETTLE_S = 30
LEAST = {"like": 1.7}  # of the better one alone
LEAST_ELSE = 0.9
WAYS = (("r", "10.91.3", "eth0"), ("s", "10.91.4", "eth1"))


def ways_of(options, mix):
    """(MB/s, round trip in ms, per mille lost) of either."""
    first = (options.rate, options.rtt_ms, 0)
    return first, {"like": first, "slower": (options.rate / 4, options.rtt_ms, 0), "lossy": (options.rate, options.rtt_ms, 10),
                   "farther": (options.rate, 4 * options.rtt_ms, 0)}[mix]


class TwoWays:
    """Agents a and b with a link over each way."""

    def __init__(self, options, mix, directory):
        self.options, self.ways = options, ways_of(options, mix)
        self.net, self.stack, self.named = Net("a", "r", "s", "b", directory=directory), contextlib.ExitStack(), 0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.net)
            for (relay, subnet, device), (rate, rtt_ms, _) in zip(WAYS, self.ways):
                self.net.wire("a", relay)
                self.net.wire(relay, "b")
                for host, number in (("a", 1), ("b", 2)):
                    run("ip", "-n", PREFIX + host, "addr", "add", f"{subnet}.{number}/24", "dev", device)
                    self.net.unoffload(host, device)
                self.net.start(relay, os.path.join(self.options.bin, "glow_bench"), "way", "--left", "eth0", "--right", "eth1",
                               "--delay-us", int(rtt_ms * 500), "--kb-per-s", int(rate * 1000))
                self.net.await_answer("a", f"{subnet}.2")
            self.lose()
            self.mesh = stack.enter_context(agents.Agents(self.net, {host: [f"udp://0.0.0.0:{PORT}"] for host in "ab"}))
            for host, number in (("a", 2), ("b", 1)):  # the join made one link; whichever it was, both are wanted
                for _, subnet, _ in WAYS:
                    self.mesh.nodes[host].glow("link", "add", f"udp://{subnet}.{number}:{PORT}")
            self.await_links(0, 1)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def lose(self, *black_holes):
        """Each way loses what is its own to lose; these lose everything."""
        rules = ["add table inet bench", "delete table inet bench", "add table inet bench",
                 "add chain inet bench arriving { type filter hook prerouting priority raw; }"]
        for number, ((_, _, device), (_, _, permille)) in enumerate(zip(WAYS, self.ways)):
            what = "" if number in black_holes else f"numgen random mod 1000 < {permille}"
            if permille or number in black_holes:
                rules.append(f'add rule inet bench arriving iifname "{device}" {what} drop')
        for host in "ab":
            done = subprocess.run(self.net.inside(host, "nft", "-f", "-"), input="\n".join(rules) + "\n", text=True, capture_output=True)
            if done.returncode != 0:
                raise Unusable(f"nft: {done.stderr.strip()[-300:]}")

    def links(self):
        return [each for each in self.mesh.nodes["a"].ask("links") if each["state"] == "up" and each["peer"] == "b"]

    def await_links(self, *numbers):
        wanted = {WAYS[number][1] for number in numbers}
        end_to_end.wait_for(SETTLE_S, f"links over {wanted} alone",
                            lambda: {subnet for _, subnet, _ in WAYS for l in self.links() if f"//{subnet}." in l["channel"]} == wanted)
        time.sleep(1)

    def measured(self, *numbers):
        self.lose(*({0, 1} - set(numbers)))
        self.await_links(*numbers)
        self.named += 1
        return streams.mb_per_s(self.dial, "a", "b", self.options.seconds, f"bench-{self.named}")

    def dial(self, host, to, name):
        return self.mesh.dial(host, to, name, "--bulk")

    def shares(self):
        of = {subnet: each["bulk_share"] for each in self.links() for _, subnet, _ in WAYS if f"//{subnet}." in each["channel"]}
        return [of.get(subnet) for _, subnet, _ in WAYS]


def one_mix(options, mix, directory):
    out = {"mix": mix, "least": LEAST.get(mix, LEAST_ELSE)}
    try:
        with TwoWays(options, mix, directory) as place:
            both = place.measured(0, 1)
            shares = place.shares()
            first, second = place.measured(0), place.measured(1)
        out.update(first=first, second=second, both=both, of_better=both / max(first, second), shares=shares)
        say(f"… {mix}: {first:.1f}, {second:.1f}, both {both:.1f} MB/s")
    except (Unusable, end_to_end.Failed, OSError) as why:
        out["failed"] = " ".join(str(why).split())[-400:]
    return out


def measure(options):
    peers.require_tools(options.no_install)
    out = {"load": [round(x, 2) for x in os.getloadavg()], "seconds": options.seconds, "rate_mb_per_s": options.rate,
           "rtt_ms": options.rtt_ms, "rows": []}
    with tempfile.TemporaryDirectory(prefix="glow-bench.") as directory:
        for mix in options.mix:
            os.makedirs(place := os.path.join(directory, mix))
            out["rows"].append(one_mix(options, mix, place))
    out["load_after"] = [round(x, 2) for x in os.getloadavg()]
    out["complete"] = all(row.get("of_better", 0) >= row["least"] for row in out["rows"])
    return out


def show(got, table):
    print(f"One bulk stream over two ways of {got['rate_mb_per_s']} MB/s and {got['rtt_ms']} ms, {got['seconds']} s (load {got['load'][0]} "
          f"before, {got['load_after'][0]} after)")
    rows = []
    for row in got["rows"]:
        if "failed" in row:
            rows.append((row["mix"], "-", "-", "-", "-", "-", ""))
            continue
        shares = " ".join("-" if share is None else f"{100 * share:.0f} %" for share in row["shares"])
        rows.append((row["mix"], f"{row['first']:.1f}", f"{row['second']:.1f}", f"{row['both']:.1f}", f"{row['of_better']:.2f}", shares,
                     "" if row["of_better"] >= row["least"] else f"BELOW {row['least']}"))
    table(("second way", "first MB/s", "second MB/s", "both MB/s", "of the better", "shares", ""), rows)
    for row in got["rows"]:
        if "failed" in row:
            print(f"!! {row['mix']}: {row['failed']}")
