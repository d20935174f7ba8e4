"""Glow agents in the namespaces of segment.py, and what is sent through them: streams, forwarded TCP, requests."""
import contextlib
import json
import os
import statistics
import subprocess
import time

import mesh as end_to_end
import readings
import streams
from segment import PREFIX, Unusable

FORWARD_PORT, SERVED_PORT = 5301, 5201
START_S = 15  # for agents to see each other, for a command to listen


class NotInThisBuild(Exception):
    """The command does not exist (yet)."""


def commands_of(bin_dir):
    """Words that `glow` and `glow_bench` know: {"glow ping", …, "glow_bench link", …}."""
    known = set()
    said = subprocess.run([os.path.join(bin_dir, "glow"), "--help"], capture_output=True, text=True).stdout
    for line in said.split("Subcommands:")[-1].splitlines():
        if line.startswith("  ") and line.strip():
            known.add("glow " + line.split()[0])
    said = subprocess.run([os.path.join(bin_dir, "glow_bench")], capture_output=True, text=True).stderr
    for word in said.removeprefix("usage: glow_bench ").split(" ")[0].split("|"):
        known.add("glow_bench " + word)
    return known


def need(known, *commands):
    absent = [each for each in commands if each not in known]
    if absent:
        raise NotInThisBuild(f"not in this build: {', '.join(absent)}")


class Agents:
    """`with Agents(net, {"a": [uris], "b": [uris]}) as agents`: joined, in a line as the dictionary names them."""

    def __init__(self, net, listen):
        self.net, self.listen = net, listen
        self.mesh = end_to_end.Mesh(where=net.directory)
        self.nodes = {}

    def __enter__(self):
        try:
            for host, uris in self.listen.items():
                media = sorted({uri.split(":")[0] for uri in uris})
                self.nodes[host] = self.mesh.node(host, media=media, listen=uris, inside=["ip", "netns", "exec", PREFIX + host]).up()
            hosts = list(self.listen)
            for host, guest in zip(hosts, hosts[1:]):
                end_to_end.join(self.nodes[host], self.nodes[guest], role="admin")
            for one, other in ((hosts[0], hosts[-1]), (hosts[-1], hosts[0])):
                end_to_end.wait_for(START_S, f"{one} to see {other}", lambda one=one, other=other: self.nodes[one].sees(other))
            return self
        except BaseException:
            self.mesh.__exit__(None)
            raise

    def __exit__(self, *_):
        self.mesh.__exit__(None)

    def pids(self):
        return [node.pid for node in self.nodes.values()]

    def hops(self, of, to):
        return len(self.nodes[of].ask("trace", to)["hops"])

    def command(self, host, *words, **streams):
        node = self.nodes[host]
        return self.net.start(host, node.program, "--home", node.home, *words, **streams)

    def pings_ms(self, host, to, count):
        words = ["ping", to, "-c", str(count), "-i", "0.2"]
        return readings.glow_ping_ms(self.nodes[host].ask(*words, timeout=count + 30))

    # ---- iperf3 through `glow forward` ----------------------------------------------------------------------

    @contextlib.contextmanager
    def forwarded(self, host, to):
        """An iperf3 server at `to`; yields (programs, the port of loopback that leads there)."""
        server = self.net.iperf3_server(to)
        expose = self.command(to, "expose", "bench-iperf3", f"tcp://127.0.0.1:{SERVED_PORT}")
        time.sleep(0.5)
        if expose.process.poll() not in (None, 0):
            raise Unusable(f"glow expose: {expose.last_words()}")
        forward = None
        for place in (f"tcp://127.0.0.1:{FORWARD_PORT}", f"127.0.0.1:{FORWARD_PORT}"):  # either way of writing it
            forward = self.command(host, "forward", place, f"{to}/bench-iperf3")
            if self.await_port(host, forward):
                break
        else:
            raise Unusable(f"glow forward: {forward.last_words()}")
        try:
            yield [expose, forward], FORWARD_PORT
        finally:
            for each in (forward, expose, server):
                each.end()

    def await_port(self, host, forward):
        began = time.monotonic()
        while time.monotonic() - began < START_S:
            if self.net.do(host, "ss", "-Hltn", "sport", "=", f":{FORWARD_PORT}").strip():
                return True
            if forward.process.poll() not in (None, 0):
                return False
            time.sleep(0.05)
        return False

    def dial(self, host, to, name, *more):
        """A carrier of streams.py: glow dial's stdin to glow listen's stdout."""
        listener = self.command(to, "listen", name, stdout=subprocess.PIPE)
        time.sleep(0.5)
        return streams.as_pipes(listener, self.command(host, "dial", *more, f"{to}/{name}", stdin=subprocess.PIPE))

    # ---- inside a C++ program -------------------------------------------------------------------------------

    def streamed(self, host, bin_dir, ticket_of, listen, to, listen_there, seconds, *more):
        """`glow_bench stream` in a program beside `host`'s agent, to `glow_bench serve` in one beside `to`'s."""
        bench = os.path.join(bin_dir, "glow_bench")
        ticket = lambda: self.nodes[ticket_of].ask("invite")["ticket"]
        name = f"served-{time.monotonic_ns() % 1_000_000}"
        serve = subprocess.Popen(self.net.inside(to, bench, "serve", "--home", self.mesh.path(name), "--name", name, "--ticket", ticket(),
                                                 "--listen", listen_there), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if serve.stdout.readline().strip() != "ready":
                raise Unusable("glow_bench serve did not start")
            done = subprocess.run(self.net.inside(host, bench, "stream", "--home", self.mesh.path(name + "-from"), "--name", name + "-from",
                                                  "--ticket", ticket(), "--listen", listen, "--to", name, "--seconds", str(seconds),
                                                  *map(str, more)), capture_output=True, text=True, timeout=4 * seconds + 120)
            if done.returncode != 0:
                raise Unusable(f"glow_bench stream: {done.stderr.strip()[-200:]}")
            return json.loads(done.stdout)
        finally:
            serve.stdin.close()
            serve.wait(20)
            serve.stdout.close()

    def glow_bench(self, host, what, bin_dir, ticket_of, listen, to, seconds):
        """`glow_bench requests` from a node of its own beside `host`'s."""
        words = [os.path.join(bin_dir, "glow_bench"), what, "--home", self.mesh.path(f"bench-{what}"), "--ticket",
                 self.nodes[ticket_of].ask("invite")["ticket"], "--listen", listen, "--to", to, "--seconds", seconds]
        done = subprocess.run(self.net.inside(host, *words), capture_output=True, text=True, timeout=4 * seconds + 90)
        if done.returncode != 0:
            raise Unusable(f"glow_bench {what}: {done.stderr.strip()[-200:]}")
        got = json.loads(done.stdout)
        return got[0] if isinstance(got, list) else got


def repeated(runs, measure):
    """{"median", "all"} of a figure."""
    values = [measure() for _ in range(runs)]
    return {"median": statistics.median(values), "all": values}
