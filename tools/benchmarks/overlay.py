"""Glow beside other overlays, in one run on one veth pair.

usage: tools/bench overlay [--seconds 5] [--runs 3] [--pings 50] [--only NAME …] [--no-install] [--bin DIR] [--json]
       tools/bench overlay --loss …     on paths that lose and reorder packets: tools/bench overlay --loss --help

Network namespaces bench-PID-a and bench-PID-b, one veth pair; for the relayed rows bench-PID-r between them, and no other way. Rows:
  plain TCP      iperf3, no encryption: what the path itself carries
  wireguard-go   the userspace WireGuard; nebula; tinc; yggdrasil: iperf3 through their tunnel, their own defaults, one at a time
  glow …         two agents over udp, two over tcp, three over udp with a relay between:
                   forward    iperf3 through glow expose and glow forward
                   dial       glow dial's stdin to glow listen's stdout
                   stream     the same inside C++ programs (glow_bench stream)
                   requests   1 MiB bodies echoed, four at once (glow_bench requests): MB/s each way
A row whose command this build does not have says so; a package that cannot be had is a row "not available".

MB/s         one stream for --seconds, the median of --runs; 10^6 bytes of payload that arrived
CPU s/GB     user and system time of both ends' daemons (and of the glow commands between, and of the relay), not of iperf3; the
             kernel's own work for a packet is in nobody's account
RSS MB       of the largest daemon: idle, and after the runs
rtt ms       before any traffic, five a second: ICMP through a tunnel; `glow ping` through agents (a request, answered by the other
             agent), which the row "glow … ping" has; median, 99th percentile. requests: one after another, no pause
The load of the machine from elsewhere is printed: above 1 or so the figures mean little, the ratios something.

Installs what is missing (apt-get, Debian 12: iperf3, iputils-ping, ethtool, nftables, wireguard-go, wireguard-tools, nebula, tinc,
yggdrasil) without starting their services. Needs root. Everything it started ends with it, the namespaces too, also at ^C.
Exit status: 0 measured, 1 something that should run did not, 2 usage.
"""
import contextlib
import os
import sys
import tempfile
import traceback

import agents
import peers
import readings
import statistics
import streams
from segment import Net, Unusable

AIM_STREAM_MB_PER_S = 500
AIM_RELAYED_MB_PER_S = 250
AIM_REQUEST_MS = 0.15
AIM_TIMES_YGGDRASIL = 3
WAYS = {  # name: (hosts in a line, where they listen, where programs beside a and beside b listen)
    "udp": (("a", "b"), {"a": ["udp://10.90.0.1:7400"], "b": ["udp://10.90.0.2:7400"]}, ("udp://10.90.0.1:7401", "udp://10.90.0.2:7401")),
    "tcp": (("a", "b"), {"a": ["tcp://10.90.0.1:7400"], "b": ["tcp://10.90.0.2:7400"]}, ("tcp://10.90.0.1:7401", "tcp://10.90.0.2:7401")),
    "udp relay": (("a", "r", "b"), {"a": ["udp://10.90.1.1:7400"], "r": ["udp://10.90.1.2:7400", "udp://10.90.2.1:7400"],
                                    "b": ["udp://10.90.2.2:7400"]}, ("udp://10.90.1.1:7401", "udp://10.90.2.2:7401")),
}


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def network(hosts, directory):
    with Net(*hosts, directory=directory) as net:
        if len(hosts) == 2:
            net.wire("a", "b", "10.90.0")
        else:
            net.wire("a", "r", "10.90.1")
            net.wire("r", "b", "10.90.2")
        yield net


def row_of(name, measure):
    """What went wrong is the row's own business, not the run's."""
    say(f"… {name}")
    try:
        return {"name": name, **measure()}
    except agents.NotInThisBuild as why:
        return {"name": name, "absent": str(why)}
    except Exception as why:  # a peer's or an agent's failure in its many forms; ^C goes on
        if os.environ.get("GLOW_BENCH_TRACE"):
            traceback.print_exc()
        return {"name": name, "failed": f"failed: {' '.join(str(why).split())[:100]}"}


def through(net, options, address, daemons, *more):
    """iperf3 to an address, with the account of the daemons that carry it."""
    pids = [d.pid for d in daemons]
    before = readings.cpu_seconds(pids)
    rates = agents.repeated(options.runs, lambda: net.iperf3("a", address, options.seconds, *more))
    gigabytes = sum(rates["all"]) * options.seconds / 1000
    return {"mb_per_s": rates, "cpu_s_per_gb": (readings.cpu_seconds(pids) - before) / gigabytes if pids and gigabytes else None,
            "rss_mb": readings.rss_mb(pids)}


def plain(options, directory):
    with network("ab", directory) as net:
        rtt = readings.summary(net.pings_ms("a", peers.B, options.pings))
        net.iperf3_server("b")
        return {"rtt_ms": rtt, **through(net, options, peers.B, [])}


def peer(start, options, directory):
    with network("ab", directory) as net:
        daemons, address = start(net)
        net.await_answer("a", address)
        idle = readings.rss_mb([d.pid for d in daemons])
        rtt = readings.summary(net.pings_ms("a", address, options.pings))
        net.iperf3_server("b")
        return {"rtt_ms": rtt, "rss_idle_mb": idle, **through(net, options, address, daemons)}


# ---- Glow ------------------------------------------------------------------------------------------------------

def glow_rows(way, options, directory):
    hosts, listen, beside = WAYS[way]
    with network(hosts, directory) as net, agents.Agents(net, listen) as mesh:
        name = f"glow {way}"
        hops = mesh.hops("a", "b")
        if hops != len(hosts) - 1:
            raise Unusable(f"{hops} hops from a to b instead of {len(hosts) - 1}")
        idle = readings.rss_mb(mesh.pids())
        rows = [row_of(f"{name}: ping", lambda: {"rtt_ms": readings.summary(mesh.pings_ms("a", "b", options.pings)), "rss_idle_mb": idle})]
        for what, measure in (("forward", glow_forward), ("dial", glow_dial), ("stream", glow_stream), ("requests", glow_program)):
            rows.append(row_of(f"{name}: {what}", lambda: measure(mesh, options, what, hosts[1], beside)))
        rows[0]["rss_mb"] = readings.rss_mb(mesh.pids())
        return rows


def glow_forward(mesh, options, *_):
    agents.need(options.known, "glow expose", "glow forward")
    with mesh.forwarded("a", "b") as (programs, port):
        more = [type("agent", (), {"pid": pid}) for pid in mesh.pids()]
        return through(mesh.net, options, "127.0.0.1", [*programs, *more], "-p", port)


def glow_dial(mesh, options, *_):
    agents.need(options.known, "glow listen", "glow dial")
    own, commands = readings.cpu_seconds(mesh.pids()), []
    count = iter(range(options.runs))
    rates = agents.repeated(options.runs, lambda: streams.mb_per_s(
        mesh.dial, "a", "b", options.seconds, f"bench-{next(count)}",
        lambda programs: commands.append(readings.cpu_seconds([p.pid for p in programs]))))
    used = readings.cpu_seconds(mesh.pids()) - own + sum(commands)
    return {"mb_per_s": rates, "cpu_s_per_gb": used / (sum(rates["all"]) * options.seconds / 1000), "rss_mb": readings.rss_mb(mesh.pids())}


def glow_stream(mesh, options, what, neighbour, beside):
    agents.need(options.known, "glow_bench stream", "glow_bench serve")
    before = readings.cpu_seconds(mesh.pids())
    # each run has two new nodes, whose link comes a moment after their joining
    hops = str(len(mesh.nodes) - 1)
    runs = [mesh.streamed("a", options.bin, neighbour, beside[0], "b", beside[1], options.seconds, "--hops", hops) for _ in range(options.runs)]
    rates = [each["mb_per_s"] for each in runs]
    used = (readings.cpu_seconds(mesh.pids()) - before) / (sum(rates) * options.seconds / 1000)
    return {"mb_per_s": {"median": statistics.median(rates), "all": rates},
            "cpu_s_per_gb": used + statistics.median(each["cpu_s_per_gb"] for each in runs), "rss_mb": readings.rss_mb(mesh.pids())}


def glow_program(mesh, options, what, neighbour, beside):
    agents.need(options.known, f"glow_bench {what}")
    before = readings.cpu_seconds(mesh.pids())
    # its own node joins at b, or at the relay on the way there; one run: each would be one more member
    got = mesh.glow_bench("a", what, options.bin, neighbour, beside[0], "b", options.seconds)
    gigabytes = got["mb_per_s"] * options.seconds / 1000 * (2 if what == "requests" else 1)
    used = (readings.cpu_seconds(mesh.pids()) - before) / gigabytes + got.get("cpu_s_per_gb", 0) if gigabytes else None
    row = {"mb_per_s": {"median": got["mb_per_s"], "all": [got["mb_per_s"]]}, "cpu_s_per_gb": used, "rss_mb": readings.rss_mb(mesh.pids())}
    if "rtt" in got:
        row["rtt_ms"] = {"median": got["rtt"]["median_us"] / 1000, "p99": got["rtt"]["p99_us"] / 1000, "count": got["rtt"]["count"]}
    return row


# ---- the whole run ---------------------------------------------------------------------------------------------

def aims_of(rows):
    """What issue and design ask for, against this run's own figures: [(what, kept or not or None, words)]."""
    found = {row["name"]: row for row in rows}

    def figure(name, *path):
        value = found.get(name, {})
        for key in path:
            value = (value or {}).get(key)
        return value

    def best(names, *path):
        return max((v for v in (figure(name, *path) for name in names) if v is not None), default=None)

    def judge(what, value, limit, least, unit):
        if value is None or limit is None:
            return {"aim": what, "kept": None, "measured": value, "limit": limit, "unit": unit}
        return {"aim": what, "kept": value >= limit if least else value <= limit, "measured": value, "limit": limit, "unit": unit}

    out = []
    for way, limit in (("udp", AIM_STREAM_MB_PER_S), ("tcp", AIM_STREAM_MB_PER_S), ("udp relay", AIM_RELAYED_MB_PER_S)):
        got = best([f"glow {way}: dial", f"glow {way}: stream"], "mb_per_s", "median")
        out.append(judge(f"stream over {way}", got, limit, True, "MB/s"))
    yggdrasil = figure("yggdrasil", "mb_per_s", "median")
    got = best(["glow udp: forward", "glow tcp: forward"], "mb_per_s", "median")
    out.append(judge("forward against yggdrasil's tunnel, three times", got, yggdrasil and AIM_TIMES_YGGDRASIL * yggdrasil, True, "MB/s"))
    for what in ("ping", "requests"):
        small = figure(f"glow udp: {what}", "rtt_ms", "median")
        out.append(judge(f"small request over udp ({what})", small, AIM_REQUEST_MS, False, "ms"))
    pings = [v for v in (figure(name, "rtt_ms", "median") for name in peers.PEERS) if v is not None]
    out.append(judge("glow ping over udp, against the best peer's", figure("glow udp: ping", "rtt_ms", "median"), min(pings, default=None), False, "ms"))
    return out


def measure(options):
    wanted = lambda name: not options.only or any(name.startswith(word) for word in options.only)
    whys = {} if options.no_install else peers.install(
        {**peers.TOOLS, **{k: v for name, (needs, _) in peers.PEERS.items() if wanted(name) for k, v in needs.items()}})
    lacking = peers.missing_of([p for programs in peers.TOOLS.values() for p in programs])
    if lacking:
        raise Unusable(f"{', '.join(lacking)} missing: {'; '.join(whys.values()) or 'run without --no-install'}")
    options.known = agents.commands_of(options.bin)
    out = {"load": [round(x, 2) for x in os.getloadavg()], "seconds": options.seconds, "runs": options.runs, "rows": []}
    with tempfile.TemporaryDirectory(prefix="glow-bench.") as directory:
        def place(name):
            os.makedirs(path := os.path.join(directory, name.replace(" ", "-")))
            return path

        if wanted("plain"):
            out["rows"].append(row_of("plain TCP", lambda: plain(options, place("plain"))))
        for name, (needs, start) in peers.PEERS.items():
            absent = peers.missing_of([p for programs in needs.values() for p in programs])
            if wanted(name) and absent:
                why = next((whys[package] for package in needs if package in whys), "--no-install")
                out["rows"].append({"name": name, "absent": f"not available: {', '.join(absent)} missing ({why})"})
            elif wanted(name):
                out["rows"].append(row_of(name, lambda: peer(start, options, place(name))))
        for way in WAYS:
            if wanted(f"glow {way}"):
                got = row_of(f"glow {way}", lambda: {"rows": glow_rows(way, options, place(way))})
                out["rows"] += got.get("rows") or [got]
    out["load_after"] = [round(x, 2) for x in os.getloadavg()]
    out["aims"] = aims_of(out["rows"])
    out["complete"] = not any("failed" in row for row in out["rows"])
    return out


def show(got, table):
    def text(value, digits):
        return "-" if value is None else f"{value:.{digits}f}"

    print(f"One stream over one veth pair, {got['seconds']} s, median of {got['runs']} (load {got['load'][0]} before, {got['load_after'][0]} after)")
    rows = []
    for row in got["rows"]:
        remark = next((f"!! {row[trouble]}" for trouble in ("absent", "failed") if trouble in row), "")
        rate, rtt = row.get("mb_per_s", {}), row.get("rtt_ms", {})
        spread = f"{min(rate['all']):.0f}-{max(rate['all']):.0f}" if rate else "-"
        rows.append((row["name"], text(rate.get("median"), 0), spread, text(row.get("cpu_s_per_gb"), 1), text(row.get("rss_idle_mb"), 1),
                     text(row.get("rss_mb"), 1), text(rtt.get("median"), 3), text(rtt.get("p99"), 3),
                     remark))
    widest = max(len(row[-1]) for row in rows)
    rows = [(*row[:-1], row[-1].ljust(widest)) for row in rows]
    table(("what", "MB/s", "of runs", "CPU s/GB", "RSS MB idle", "after", "rtt ms median", "p99", ""), rows)
    for aim in got["aims"]:
        verdict = {True: "kept", False: "NOT KEPT", None: "not measured"}[aim["kept"]]
        print(f"aim {aim['aim']}: {text(aim['measured'], 3)} against {text(aim['limit'], 3)} {aim['unit']}: {verdict}")
