"""Two agents on one Ethernet: packets grow to records under load, shrink when the path begins to lose, and no byte is lost."""
import os
import subprocess
import sys
import time
import unittest

from mesh import Mesh, join, wait_for, write
from test_discovery import Segment, may_make_namespaces

RECORD_BYTES = 10_000  # anything longer is no single datagram on an Ethernet
LOSS_PERCENT = 15      # of what the kernel handles as one: a whole segmented send, here


def lose(space, percent):
    rules = "add table ip lossy; flush table ip lossy; add chain ip lossy in { type filter hook input priority 0; };"
    if percent:
        rules += f"add rule ip lossy in ip protocol udp numgen random mod 100 < {percent} drop;"
    subprocess.run(["ip", "netns", "exec", space, "nft", rules], check=True)


def mtu(node):
    return max((link["mtu"] for link in node.ask("links") if link["state"] == "up"), default=0)


@unittest.skipUnless(may_make_namespaces(), "SKIPPED: needs root and network namespaces")
class Records(unittest.TestCase):
    def test_records_under_load_and_single_datagrams_under_loss(self):
        with Segment(["a", "b"]) as lan, Mesh() as mesh:
            a = mesh.node("a", media=["udp"], listen=["udp://0.0.0.0:7400"], inside=lan.inside("a")).up()
            b = mesh.node("b", media=["udp"], listen=["udp://0.0.0.0:7400"], inside=lan.inside("b")).up()
            join(a, b)
            wait_for(10, "a to see b", lambda: a.sees("b") and b.sees("a"))
            self.assertLess(mtu(a), 1500)

            def carry(name, mib):
                data = os.urandom(mib << 20)
                write(mesh.path(name), data)
                a.glow("put", mesh.path(name), f"/{name}")
                wait_for(30, f"b to hear of /{name}", lambda: b.glow("ls", f"/{name}", status=None))
                began = time.monotonic()
                b.glow("get", "--timeout", "200s", f"/{name}", mesh.path(name + ".copy"), timeout=220)
                with open(mesh.path(name + ".copy"), "rb") as copy:
                    self.assertEqual(copy.read(), data)
                print(f"{mib} MiB in {time.monotonic() - began:.2f} s, packets of {mtu(a)} B")

            carry("clean", 32)
            wait_for(10, "records", lambda: mtu(a) > RECORD_BYTES)
            lose(lan.names["b"], LOSS_PERCENT)
            for i in range(20):
                carry(f"lossy{i}", 4)
                if mtu(a) < 1500:
                    break
            self.assertLess(mtu(a), 1500)
            carry("small", 2)
            lose(lan.names["b"], 0)


if __name__ == "__main__":
    if not may_make_namespaces():
        print("SKIPPED: records between network namespaces need root", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
