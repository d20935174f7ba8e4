"""Two agents on one LAN segment find each other with no configuration; a stranger there learns nothing."""
import os
import subprocess
import sys
import time
import unittest

from mesh import Mesh, join, wait_for


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def may_make_namespaces():
    if os.geteuid() != 0:
        return False
    probe = f"glow-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return made


class Segment:
    """A bridge with one network namespace per host, like machines on one switch."""

    def __init__(self, hosts):
        self.tag = f"glow{os.getpid() % 10000}"
        self.names = {h: f"{self.tag}-{h}" for h in hosts}
        self.switch = f"{self.tag}-sw"

    def __enter__(self):
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
        ip("-n", self.switch, "link", "set", "br0", "up")
        for number, (host, space) in enumerate(self.names.items(), 1):
            ip("netns", "add", space)
            ip("link", "add", f"{self.tag}{number}", "netns", self.switch, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("-n", self.switch, "link", "set", f"{self.tag}{number}", "master", "br0", "up")
            ip("-n", space, "addr", "add", f"10.76.0.{number}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_):
        for space in (*self.names.values(), self.switch):
            subprocess.run(["ip", "netns", "del", space], capture_output=True)

    def plug(self, host, how="up"):
        """The switch's side of the host's cable."""
        ip("-n", self.switch, "link", "set", f"{self.tag}{list(self.names).index(host) + 1}", how)

    def unplug(self, host):
        self.plug(host, "down")

    def inside(self, host):
        return ["ip", "netns", "exec", self.names[host]]


@unittest.skipUnless(may_make_namespaces(), "SKIPPED: needs root and network namespaces")
class Discovery(unittest.TestCase):
    def test_members_find_each_other_within_a_second_and_a_stranger_gets_no_link(self):
        with Segment(["a", "b", "s"]) as lan, Mesh() as mesh:
            a = mesh.node("a", inside=lan.inside("a"), discovery=True).up()
            b = mesh.node("b", inside=lan.inside("b"), discovery=True).up()
            join(a, b)
            wait_for(10, "a to see b", lambda: a.sees("b") and b.sees("a"))
            b.down()
            wait_for(15, "a to notice", lambda: not a.sees("b"))
            a.down()
            # remembered addresses must not be what finds them: both come back at others
            for host, address in (("a", "10.76.0.98/24"), ("b", "10.76.0.99/24")):
                ip("-n", lan.names[host], "addr", "flush", "dev", "eth0")
                ip("-n", lan.names[host], "addr", "add", address, "dev", "eth0")
            a.up()
            began = time.monotonic()
            b.up()
            wait_for(5, "a and b to find each other", lambda: a.sees("b") and b.sees("a"))
            took = time.monotonic() - began
            print(f"found each other {took:.2f} s after b's start")
            self.assertLess(took, 1)

            # and with both running: b's cable is pulled, b gets another address meanwhile, the cable is plugged in
            lan.unplug("b")
            ip("-n", lan.names["b"], "addr", "flush", "dev", "eth0")
            a.glow("ping", "b", status=None)  # a link that carries something notices at once, an idle one at its next beat
            wait_for(15, "a to notice", lambda: not a.sees("b"))
            ip("-n", lan.names["b"], "addr", "add", "10.76.0.97/24", "dev", "eth0")
            began = time.monotonic()
            lan.plug("b")
            wait_for(5, "a and b to find each other again", lambda: a.sees("b") and b.sees("a"))
            took = time.monotonic() - began
            print(f"found each other {took:.2f} s after the cable was plugged in")
            self.assertLess(took, 1)

            stranger = mesh.node("s", inside=lan.inside("s"), discovery=True).up()
            time.sleep(3)  # long enough for three times what members take
            self.assertEqual(stranger.ask("links"), [])
            self.assertEqual([n["name"] for n in stranger.ask("nodes")], ["s"])
            self.assertNotIn("s", [l["peer"] for l in a.ask("links") + b.ask("links")])
            ids = [n.ask("status")["node"]["id"] for n in (a, b)]
            for each in ids:
                self.assertNotIn(each, stranger.log_all())


if __name__ == "__main__":
    if not may_make_namespaces():
        print("SKIPPED: discovery between network namespaces needs root", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
