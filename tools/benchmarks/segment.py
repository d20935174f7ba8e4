"""Machines on one machine: network namespaces bench-PID-a, bench-PID-b … joined by veth pairs, programs in them, and faults of
the way.

Everything ends with the `with` block: programs by their process ids, namespaces by name; also after ^C and SIGTERM.
"""
import json
import os
import re
import signal
import subprocess
import time

import readings

PREFIX = os.environ.get("GLOW_BENCH_PREFIX", "bench-")  # tests take another, lest they meet a measurement


class Unusable(Exception):
    """The machine cannot do it: no root, no namespaces, a package is missing. The message says what to do."""


def run(*words, check=True, timeout=60, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout, **more)
    if check and done.returncode != 0:
        raise Unusable(f"{' '.join(map(str, words))}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def sweep():
    """Removes the namespaces of measurements that were killed: their names have the process id."""
    for space in run("ip", "netns", "list").split():
        mine = re.fullmatch(r"bench-(\d+)-\w+", space)
        if mine and not os.path.exists(f"/proc/{mine[1]}") and not run("ip", "netns", "pids", space, check=False).split():
            run("ip", "netns", "del", space, check=False)


class Program:
    """One process in a namespace, its output in a file. It gets no signal of the terminal's: only we end it."""

    def __init__(self, net, host, words, env=None, **streams):
        self.log = os.path.join(net.directory, f"{host}-{len(net.programs)}-{os.path.basename(words[0])}.log")
        with open(self.log, "wb") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **streams}
            self.process = subprocess.Popen(net.inside(host, *words), start_new_session=True,
                                            env={**os.environ, **(env or {})}, **streams)
        self.pid = self.process.pid  # ip netns exec becomes the program: the id stays

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return log.read().strip()[-300:]

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Net:
    """`with Net("a", "b") as net: net.wire("a", "b", "10.90.0")`: a has 10.90.0.1 on eth0, b has 10.90.0.2."""

    def __init__(self, *hosts, directory):
        self.hosts, self.directory = hosts, directory
        self.programs, self.wires = [], {host: 0 for host in hosts}
        self.made = []

    def __enter__(self):
        try:
            for host in self.hosts:
                self.add(PREFIX + host)
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def add(self, space):
        if os.geteuid() != 0:
            raise Unusable("network namespaces need root: run it as root")
        if space in run("ip", "netns", "list").split():
            if run("ip", "netns", "pids", space).split():
                raise Unusable(f"namespace {space} is in use: is another tools/bench running?")
            run("ip", "netns", "del", space)  # of a run that was killed
        run("ip", "netns", "add", space)
        self.made.append(space)
        run("ip", "-n", space, "link", "set", "lo", "up")

    def remove(self):
        before = {s: signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.end_programs()
            for space in self.made:
                for pid in run("ip", "netns", "pids", space, check=False).split():  # agents put themselves into the background
                    os.kill(int(pid), signal.SIGKILL)
            for space in self.made:
                run("ip", "netns", "del", space, check=False)
            self.made = []
        finally:
            for s, what in before.items():
                signal.signal(s, what)

    def end_programs(self):
        for program in reversed(self.programs):
            program.end()
        self.programs = []

    def inside(self, host, *words):
        return ["ip", "netns", "exec", PREFIX + host, *map(str, words)]

    def do(self, host, *words, **more):
        return run(*self.inside(host, *words), **more)

    def start(self, host, *words, **streams):
        program = Program(self, host, [str(w) for w in words], **streams)
        self.programs.append(program)
        return program

    def wire(self, left, right, subnet=None):
        """A veth pair; returns the two interfaces' names. subnet "10.90.0": left has .1, right .2; None: no addresses."""
        names = []
        for host in (left, right):
            names.append(f"eth{self.wires[host]}")
            self.wires[host] += 1
        run("ip", "link", "add", names[0], "netns", PREFIX + left, "type", "veth", "peer", "name", names[1], "netns", PREFIX + right)
        for number, (host, name) in enumerate(zip((left, right), names), 1):
            if subnet:
                run("ip", "-n", PREFIX + host, "addr", "add", f"{subnet}.{number}/24", "dev", name)
            run("ip", "-n", PREFIX + host, "link", "set", name, "up")
        for host, name in zip((left, right), names):
            self.await_running(host, name)
        return names

    def await_running(self, host, name, seconds=5):
        """The kernel says up to a second later that an interface runs; an agent that starts before does not tell its address."""
        began = time.monotonic()
        while "UP" != json.loads(run("ip", "-n", PREFIX + host, "-json", "link", "show", name))[0]["operstate"]:
            if time.monotonic() - began > seconds:
                raise Unusable(f"{name} in {PREFIX}{host} does not come up")
            time.sleep(0.02)

    def unoffload(self, host, interface):
        """Packets leave as the wire would have them: else one drop takes 64 KiB at once."""
        self.do(host, "ethtool", "-K", interface, "tso", "off", "gso", "off", "gro", "off", "tx-udp-segmentation", "off")

    def carrier(self, host, interface, how):
        run("ip", "-n", PREFIX + host, "link", "set", interface, how)

    def drop(self, hosts, interface, what=""):
        """What arrives there is dropped, at all these hosts at once: all of it, or what matches ("numgen random mod 100 < 5")."""
        rules = f"""add table inet bench
            delete table inet bench
            add table inet bench
            add chain inet bench arriving {{ type filter hook prerouting priority raw; }}
            add rule inet bench arriving iifname "{interface}" {what} counter drop
            """
        started = [subprocess.Popen(self.inside(host, "nft", "-f", "-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                   for host in hosts]
        complaints = [each.communicate(rules, timeout=30)[1] for each in started]
        if any(each.returncode != 0 for each in started):
            raise Unusable(f"nft: {' '.join(complaints).strip()[-300:]}")

    def undrop(self, hosts):
        for host in hosts:
            self.do(host, "nft", "delete", "table", "inet", "bench", check=False)

    def transmitted(self, host):
        return readings.transmitted_bytes(run("ip", "-n", PREFIX + host, "-json", "-statistics", "link"))

    def await_answer(self, host, address, seconds=15):
        """Until one ping is answered; tunnels need a moment."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if subprocess.run(self.inside(host, "ping", "-c", "1", "-W", "1", address), capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        raise Unusable(f"{address} does not answer from {PREFIX}{host} within {seconds} s")

    def pings_ms(self, host, address, count):
        """Idle round trips, five a second."""
        return readings.ping_ms(self.do(host, "ping", "-n", "-i", "0.2", "-c", count, address, timeout=count + 30, check=False))

    def iperf3(self, host, address, seconds, *more):
        """MB/s of one stream to an iperf3 server that runs there."""
        done = subprocess.run(self.inside(host, "iperf3", "--json", "--connect-timeout", "20000", "-t", seconds, "-c", address, *more),
                              capture_output=True, text=True, timeout=seconds + 60)
        return readings.iperf3_mb_per_s(done.stdout or json.dumps({"error": done.stderr.strip()}))

    def iperf3_server(self, host, *more):
        server = self.start(host, "iperf3", "-s", *more)
        began = time.monotonic()
        while ":5201" not in self.do(host, "ss", "-Hltn", "sport", "=", ":5201"):
            if server.process.poll() is not None or time.monotonic() - began > 5:
                raise Unusable(f"iperf3 -s does not listen: {server.last_words()}")
            time.sleep(0.05)
        return server
