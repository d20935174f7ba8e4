"""Two agents with a router between them find out how long datagrams their path carries: whatever its two legs' MTUs, with the
router's ICMP and without; and when the path shrinks under a stream, the stream goes on whole, over the same link."""
import os
import subprocess
import sys
import threading
import time
import unittest

from mesh import Mesh, join, wait_for, write
from test_discovery import ip, may_make_namespaces

UDP_IPV4 = 28  # headers
BLOCK = 16_000
BLOCKS_PER_S = 250  # 4 MB/s


class Routed:
    """a ─ r ─ b, in network namespaces of their own: 10.78.1.0/24 and 10.78.2.0/24."""

    def __init__(self, left_mtu, right_mtu, icmp=True):
        self.tag = f"glowmtu{os.getpid() % 10000}"
        self.names = {h: f"{self.tag}-{h}" for h in "arb"}
        self.mtus, self.icmp = (left_mtu, right_mtu), icmp

    def __enter__(self):
        for space in self.names.values():
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        for number, host in enumerate("ab", 1):
            space, router, leg = self.names[host], self.names["r"], f"leg{number}"
            ip("link", "add", leg, "netns", router, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("-n", space, "addr", "add", f"10.78.{number}.1/24", "dev", "eth0")
            ip("-n", router, "addr", "add", f"10.78.{number}.2/24", "dev", leg)
            ip("-n", space, "link", "set", "eth0", "mtu", str(self.mtus[0]))
            self.set_router_mtu(host, self.mtus[number - 1])
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", router, "link", "set", leg, "up")
            ip("-n", space, "route", "add", "default", "via", f"10.78.{number}.2")
        self.inside_do("r", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        if not self.icmp:
            self.inside_do("r", "nft", "add table ip mute; add chain ip mute out { type filter hook output priority 0; };"
                                       "add rule ip mute out icmp type destination-unreachable drop")
        return self

    def __exit__(self, *_):
        for space in self.names.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True)

    def set_router_mtu(self, host, mtu):
        """Of the router's end of that host's leg: the host does not know."""
        ip("-n", self.names["r"], "link", "set", f"leg{'ab'.index(host) + 1}", "mtu", str(mtu))

    def inside(self, host):
        return ["ip", "netns", "exec", self.names[host]]

    def inside_do(self, host, *words):
        subprocess.run([*self.inside(host), *words], check=True, capture_output=True)


def link(node):
    return next((each for each in node.ask("links") if each["state"] == "up"), {"id": None, "datagram_bytes": 0, "mtu": 0})


class Flow:
    """Numbered blocks through glow dial and glow listen, at a steady pace, from a to b."""

    def __init__(self, a, b, name):
        self.outlet = self.start(b, "listen", name, stdout=subprocess.PIPE)
        time.sleep(0.5)
        self.entry = self.start(a, "dial", f"{b.name}/{name}", stdin=subprocess.PIPE)
        self.sent = self.got = 0
        self.whole, self.longest_gap, self.ending = True, 0.0, False
        self.threads = [threading.Thread(target=self.feed, daemon=True), threading.Thread(target=self.drain, daemon=True)]
        for each in self.threads:
            each.start()

    @staticmethod
    def start(node, *words, **streams):
        return subprocess.Popen([*node.inside, node.program, "--home", node.home, *words], **streams)

    @staticmethod
    def block(number):
        return number.to_bytes(8, "little") * (BLOCK // 8)

    def feed(self):
        began = time.monotonic()
        while not self.ending:
            self.entry.stdin.write(self.block(self.sent))
            self.sent += 1
            time.sleep(max(0.0, began + self.sent / BLOCKS_PER_S - time.monotonic()))
        self.entry.stdin.close()

    def drain(self):
        last = time.monotonic()
        while (block := self.outlet.stdout.read(BLOCK)):
            now = time.monotonic()
            if self.got:
                self.longest_gap = max(self.longest_gap, now - last)
            last = now
            self.whole = self.whole and block == self.block(self.got)
            self.got += 1

    def end(self):
        self.ending = True
        for each in self.threads:
            each.join(20)
        self.entry.wait(10)
        self.outlet.wait(10)
        return self.whole and self.sent == self.got


@unittest.skipUnless(may_make_namespaces(), "SKIPPED: needs root and network namespaces")
class PathMtu(unittest.TestCase):
    def agents(self, net, mesh):
        a = mesh.node("a", media=["udp"], listen=["udp://0.0.0.0:7400"], inside=net.inside("a")).up()
        b = mesh.node("b", media=["udp"], listen=["udp://0.0.0.0:7400"], inside=net.inside("b")).up()
        join(a, b)
        wait_for(10, "a to see b", lambda: a.sees("b") and b.sees("a"))
        return a, b

    def find(self, left, right, icmp, expected):
        """Under load a finds that datagrams of so many bytes pass; a length that does not costs three seconds."""
        with Routed(left, right, icmp) as net, Mesh() as mesh:
            a, b = self.agents(net, mesh)
            data = os.urandom(12 << 20)
            write(mesh.path("data"), data)
            a.glow("put", mesh.path("data"), "/data")
            wait_for(30, "b to hear of it", lambda: b.glow("ls", "/data", status=None))
            flow = Flow(a, b, "load")
            b.glow("get", "--timeout", "100s", "/data", mesh.path("copy"), timeout=120)
            with open(mesh.path("copy"), "rb") as copy:
                self.assertEqual(copy.read(), data)
            wait_for(40, f"datagrams of {expected} B", lambda: link(a)["datagram_bytes"] == expected)
            time.sleep(2)
            seen = link(a)["datagram_bytes"]
            self.assertEqual(seen, expected)  # it stands still
            self.assertTrue(flow.end())
            self.assertEqual(link(a)["mtu"], seen - 25)  # no records over a router
            metrics = a.glow("metrics")
            self.assertIn("glow_link_datagram_bytes", metrics)

    def test_the_interfaces_own_length_where_the_path_carries_it(self):
        for mtu in (1400, 1500, 9000):
            with self.subTest(mtu=mtu):
                self.find(mtu, mtu, icmp=True, expected=mtu - UDP_IPV4)

    def test_a_narrow_second_leg_that_the_router_tells_of(self):
        self.find(1500, 1300, icmp=True, expected=1300 - UDP_IPV4)

    def test_a_narrow_second_leg_that_nobody_tells_of(self):
        self.find(1500, 1300, icmp=False, expected=1252)

    def test_a_path_that_shrinks_in_silence_under_a_stream(self):
        with Routed(1500, 1500, icmp=False) as net, Mesh() as mesh:
            a, b = self.agents(net, mesh)
            flow = Flow(a, b, "load")
            wait_for(10, "full datagrams", lambda: link(a)["datagram_bytes"] == 1472)
            before = link(a)["id"]
            time.sleep(1)
            flow.longest_gap = 0.0
            net.set_router_mtu("b", 1300)
            took = wait_for(20, "shorter datagrams", lambda: link(a)["datagram_bytes"] < 1300)
            wait_for(30, "what the path carries", lambda: link(a)["datagram_bytes"] == 1252)
            gap = flow.longest_gap
            print(f"shorter datagrams after {took:.2f} s, longest silence {gap:.2f} s, now {link(a)['datagram_bytes']} B")
            self.assertTrue(flow.end())
            self.assertLess(gap, 20)  # mostly half a second, but seven have been seen
            self.assertEqual(link(a)["id"], before)


if __name__ == "__main__":
    if not may_make_namespaces():
        print("SKIPPED: a path between network namespaces needs root", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
