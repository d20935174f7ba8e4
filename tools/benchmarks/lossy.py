"""Throughput where packets get lost and overtake each other: a Glow stream beside plain TCP on the same path.

usage: tools/bench overlay --loss [--percent N …] [--rtt-ms N …] [--rate 50] [--reorder 5] [--seconds 5] [--runs 3] [--pings 20]
                                  [--no-install] [--bin DIR] [--json]

Rows: each --rtt-ms (0 and 20) with each --percent (0, 1, 5, 20), and once more without loss but with --reorder per cent of the
packets held back for 3 ms, so that others overtake them (on paths with a round trip only).
  TCP cubic     one plain TCP connection, CUBIC (iperf3's own control connection does not survive such paths)
  glow udp      glow dial's stdin to glow listen's stdout between two agents over udp, everything encrypted
A command that this build does not have leaves its column empty, and says so.

The paths: network namespaces bench-PID-a and bench-PID-b. Round trip 0 is a bare veth pair. Any other leads through bench-PID-r, where
`glow_bench way` carries the frames: half the round trip each way, a bottleneck of --rate MB/s with a queue of one round trip before
it (at least 64 KiB). nft drops --percent of all packets where they arrive, at both ends, so acknowledgements are lost, too. The
interfaces' offloads are off: one drop takes one packet of the wire, not 64 KiB.
ping ms is what the path has, measured without loss. Both streams are fed and emptied through pipes and measured alike: what arrives
in --seconds from the first byte on, the median of --runs. A run in which no byte arrives counts as 0, and is told. MB = 10^6 bytes.

Needs root; installs iputils-ping, ethtool and nftables where they are missing. Everything ends with it, also at ^C.
Exit status: 0 measured, 1 something that should run did not, 2 usage.
"""
import contextlib
import os
import statistics
import tempfile

import agents
import overlay
import peers
import streams
from segment import Unusable, run, Net, PREFIX

HELD_BACK_US = 3000
LISTEN = {"a": ["udp://10.90.0.1:7400"], "b": ["udp://10.90.0.2:7400"]}


@contextlib.contextmanager
def path(options, rtt_ms, directory):
    """Yields (net, how to hold back some per cent of the packets)."""
    with Net(*("arb" if rtt_ms else "ab"), directory=directory) as net:
        if rtt_ms:
            net.wire("a", "r")
            net.wire("r", "b")
        else:
            net.wire("a", "b")
        for host, address in (("a", peers.A), ("b", peers.B)):
            run("ip", "-n", PREFIX + host, "addr", "add", f"{address}/24", "dev", "eth0")
            net.unoffload(host, "eth0")
        ways = []

        def hold_back(percent):
            for way in ways:
                way.end()
            if rtt_ms:
                ways[:] = [net.start("r", os.path.join(options.bin, "glow_bench"), "way", "--left", "eth0", "--right", "eth1",
                                     "--delay-us", rtt_ms * 500, "--kb-per-s", options.rate * 1000,
                                     "--held-back-permille", percent * 10, "--held-back-us", HELD_BACK_US)]

        hold_back(0)
        net.await_answer("a", peers.B)
        yield net, hold_back


def conditions(options, rtt_ms):
    """(per cent lost, per cent held back)"""
    return [(percent, 0) for percent in options.percent] + ([(0, options.reorder)] if rtt_ms and options.reorder else [])


def tried(runs, measure):
    """Like agents.repeated; a run that fails (a peer gives up at 20 % loss) is told and counts as 0 MB/s."""
    values, why = [], None
    for _ in range(runs):
        try:
            values.append(measure())
        except agents.NotInThisBuild as absent:
            return {"absent": str(absent)}
        except Exception as failure:
            values.append(0.0)
            why = " ".join(str(failure).split())[:160]
    return {"median": statistics.median(values), "all": values, **({"failed": why} if why else {})}


def glow_stream(mesh, options, names):
    agents.need(options.known, "glow listen", "glow dial")
    return streams.mb_per_s(mesh.dial, "a", "b", options.seconds, f"bench-{next(names)}")


def rows_of(options, rtt_ms, directory):
    rows = []
    with path(options, rtt_ms, directory) as (net, hold_back):
        ping_ms = statistics.median(net.pings_ms("a", peers.B, options.pings))
        tcp = streams.PlainTcp(net, peers.B)
        with agents.Agents(net, LISTEN) as mesh:
            names = iter(range(1_000_000))
            for lost, held_back in conditions(options, rtt_ms):
                overlay.say(f"… {rtt_ms} ms, {lost} % lost, {held_back} % held back")
                hold_back(held_back)
                net.undrop("ab")
                if lost:
                    net.drop("ab", "eth0", f"numgen random mod 100 < {lost}")
                rows.append({"rtt_ms": rtt_ms, "ping_ms": ping_ms, "lost_percent": lost, "held_back_percent": held_back,
                             "tcp_cubic": tried(options.runs, lambda: streams.mb_per_s(tcp, "a", "b", options.seconds, "")),
                             "glow_udp": tried(options.runs, lambda: glow_stream(mesh, options, names))})
    return rows


def measure(options):
    whys = {} if options.no_install else peers.install(peers.TOOLS)
    lacking = peers.missing_of([p for programs in peers.TOOLS.values() for p in programs])
    if lacking:
        raise Unusable(f"{', '.join(lacking)} missing: {'; '.join(whys.values()) or 'run without --no-install'}")
    options.known = agents.commands_of(options.bin)
    out = {"load": [round(x, 2) for x in os.getloadavg()], "seconds": options.seconds, "runs": options.runs,
           "rate_mb_per_s": options.rate, "rows": []}
    with tempfile.TemporaryDirectory(prefix="glow-bench.") as directory:
        for rtt_ms in options.rtt_ms:
            os.makedirs(place := os.path.join(directory, str(rtt_ms)))
            out["rows"] += rows_of(options, rtt_ms, place)
    out["load_after"] = [round(x, 2) for x in os.getloadavg()]
    # plain TCP may well give up at 20 %: that is a figure; a Glow stream may not
    out["complete"] = not any("failed" in row["glow_udp"] for row in out["rows"])
    return out


def show(got, table):
    print(f"One stream over a path that loses packets, {got['seconds']} s, median of {got['runs']}; bottleneck of the far paths "
          f"{got['rate_mb_per_s']} MB/s (load {got['load'][0]} before, {got['load_after'][0]} after)")

    def cell(figures):
        if "absent" in figures:
            return "-"
        return f"{figures['median']:.2f}" + (" !" if "failed" in figures else "")

    rows, remarks = [], []
    for row in got["rows"]:
        tcp, glow = row["tcp_cubic"], row["glow_udp"]
        both = "median" in glow and tcp["median"] > 0
        rows.append((f"{row['rtt_ms']} ms", f"{row['ping_ms']:.2f}", row["lost_percent"], row["held_back_percent"], cell(tcp), cell(glow),
                     f"{glow['median'] / tcp['median']:.2f}" if both else "-"))
        for name in ("tcp_cubic", "glow_udp"):
            remarks += [f"{name}: {row[name][trouble]}" for trouble in ("absent", "failed") if trouble in row[name]]
    table(("path", "ping ms", "lost %", "held back %", "TCP cubic MB/s", "glow udp MB/s", "glow / TCP"), rows)
    for remark in dict.fromkeys(remarks):
        print(f"!! {remark}")
