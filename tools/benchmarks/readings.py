"""Figures out of what programs print and what /proc says. Pure but for the two readers of /proc; tests/end_to_end/test_bench.py."""
import json
import math
import os
import re
import statistics

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Unreadable(Exception):
    """A program printed something else than its figures; the message has its own words."""


def iperf3_mb_per_s(printed):
    """MB/s that arrived, of `iperf3 --json` (one client, forward direction)."""
    try:
        document = json.loads(printed)
    except json.JSONDecodeError:
        raise Unreadable(f"iperf3 printed no JSON: {printed.strip()[-200:] or 'nothing'}") from None
    if "error" in document:
        raise Unreadable(f"iperf3: {document['error']}")
    try:
        return document["end"]["sum_received"]["bits_per_second"] / 8e6
    except KeyError:
        raise Unreadable("iperf3 printed no sum of what was received") from None


def ping_ms(printed):
    """Round trips of ping(8), in order, in ms; a duplicate counts once."""
    return [float(ms) for ms in re.findall(r"icmp_seq=\d+ .*?time=([0-9.]+) ms(?! \(DUP)", printed)]


def glow_ping_ms(document):
    return [reply["rtt_ms"] for reply in document["replies"] if reply.get("rtt_ms") is not None]


def percentile(samples, share):
    """The smallest sample that `share` (0 … 1) of all samples do not exceed; None of nothing."""
    if not samples:
        return None
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]


def summary(samples):
    return {"median": statistics.median(samples) if samples else None, "p99": percentile(samples, 0.99), "count": len(samples)}


def cpu_seconds_of_stat(line):
    """utime + stime of a line of /proc/PID/stat, whose program's name may hold blanks and brackets."""
    fields = line.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def cpu_seconds(pids):
    """Of all of them, all threads; one that is gone counts nothing."""
    total = 0.0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as file:
                total += cpu_seconds_of_stat(file.read())
        except OSError:
            continue
    return total


def rss_mb_of_status(text):
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)
    return int(found.group(1)) * 1024 / 1e6 if found else None


def rss_mb(pids):
    """VmRSS of the largest of them."""
    sizes = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as file:
                sizes.append(rss_mb_of_status(file.read()))
        except OSError:
            continue
    return max((size for size in sizes if size is not None), default=None)


def transmitted_bytes(ip_json):
    """{interface: bytes sent} of `ip -json -statistics link`."""
    return {link["ifname"]: link["stats64"]["tx"]["bytes"] for link in json.loads(ip_json) if "stats64" in link}


def busiest(before, after, among):
    """Which of the interfaces sent the most between two readings, and its share of what all of them sent."""
    sent = {name: after.get(name, 0) - before.get(name, 0) for name in among}
    name = max(sent, key=sent.get)
    total = sum(sent.values())
    return name, (sent[name] / total if total else 0.0)


def flow_again_s(cut, arrivals, until, quiet_s=0.05, begins_within_s=2.0):
    """Seconds from the cut until bytes flow again, and the longest silence in that time.

    `arrivals`: times at which bytes arrived, ascending, with some from before the cut; `until`: when watching ended.
    A silence is a gap of `quiet_s` or more. What is in pipes may still arrive after the cut, and bytes may trickle between two
    silences: the end of the last silence that began within `begins_within_s` of the cut (or of a silence that did) is what counts.
    A silence that lasts until `until` gives (None, its length): nothing flowed again. No silence: (0, the longest gap).
    """
    times = [t for t in arrivals if t <= until]
    longest, ended, horizon = 0.0, cut, cut + begins_within_s
    for begin, end in zip([*times], [*times[1:], None]):
        stop = until if end is None else end
        if stop <= cut or begin > horizon:
            continue
        gap = stop - max(begin, cut)
        if stop - begin >= quiet_s:
            if end is None:
                return None, gap
            ended, horizon = end, max(horizon, end + quiet_s)
        longest = max(longest, gap)
    if not times:
        return None, until - cut
    return max(0.0, ended - cut), longest
