"""Strangers throw bytes at every port; the mesh does not mind."""
import os
import random
import resource
import socket
import subprocess
import threading
import time
import unittest

from mesh import Mesh, wait_for, write

FLOOD_BYTES = 64 << 20
SLOW_SECONDS = 25
HALF_OPEN = 1000
RSS_KIB_MAX = 100 * 1024


def ports(node):
    """What the agent listens on, as the kernel has it: [("udp", ("127.0.0.1", 7400)), ("unix", "/…/link.sock"), …]."""
    found = []
    for proto, flag in (("udp", "-lnup"), ("tcp", "-lntp"), ("unix", "-lnxp")):
        lines = subprocess.run(["ss", "-H", flag], capture_output=True, text=True).stdout.splitlines()
        for line in lines:
            if f"pid={node.pid}," not in line:
                continue
            place = line.split()[4 if proto == "unix" else 3]
            if not place.endswith("control.sock"):  # has a test of its own
                found.append((proto, place if proto == "unix" else ("127.0.0.1", int(place.rsplit(":", 1)[1]))))
    return found


def connected(proto, place):
    if proto == "tcp":
        return socket.create_connection(place, timeout=2)
    link = socket.socket(socket.AF_UNIX if proto == "unix" else socket.AF_INET, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    link.settimeout(2)
    link.connect(place)
    return link


def flood(proto, place, count, seconds=0.0):
    """`count` random bytes to one port, as fast as they go or spread over so many seconds; connections that are closed on us
    are opened again."""
    dice = random.Random(str(place))
    block = dice.randbytes(1 << 20)
    began = time.monotonic()
    sent = 0
    link = None
    while sent < count:
        piece = block[dice.randrange(1000):][:min(count - sent, dice.choice([1, 60, 1200, 1400] if proto == "udp" else [10, 1400, 60000]))]
        try:
            link = link or connected(proto, place)
            link.sendall(piece)
        except OSError:
            if link:
                link.close()
            link = None
        sent += len(piece)
        ahead = sent / count * seconds - (time.monotonic() - began)
        if ahead > 0.002:
            time.sleep(ahead)
    if link:
        link.close()


class Hostile(unittest.TestCase):
    def test_floods_and_half_open_connections_cost_little_and_break_nothing(self):
        with Mesh() as mesh:
            laptop, nas, vps = nodes = mesh.three(nas_listens_too=["unix:" + mesh.path("nas.sock")])
            targets = [(n, *p) for n in nodes for p in ports(n)]
            self.assertEqual(sorted(proto for _, proto, _ in targets), ["tcp", "tcp", "udp", "udp", "unix"])
            held = []
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # they are all ours
            for node, proto, place in targets:
                if proto == "udp":
                    continue
                held += [connected(proto, place) for _ in range(HALF_OPEN)]
            print(f"{len(held)} connections held half open")
            for node, proto, place in targets:
                flood(proto, place, FLOOD_BYTES)
                print(f"{node.name} {proto} {place}: {FLOOD_BYTES >> 20} MiB fast; most RSS so far {node.rss_peak_kib() / 1024:.1f} MiB")
            slowly = [threading.Thread(target=flood, args=(proto, place, FLOOD_BYTES, SLOW_SECONDS)) for _, proto, place in targets]
            for each in slowly:
                each.start()
            for number in range(3):  # the mesh works while it is flooded
                write(mesh.path("during"), os.urandom(100_000))
                laptop.glow("put", mesh.path("during"), f"/during{number}")
                wait_for(30, "vps to get it during the flood",
                         lambda: vps.glow("get", "--timeout", "10s", f"/during{number}", mesh.path(f"during{number}")))
            for each in slowly:
                each.join()
            for node in nodes:
                print(f"{node.name}: {FLOOD_BYTES >> 20} MiB slowly to each port; most RSS {node.rss_peak_kib() / 1024:.1f} MiB")
                self.assertLess(node.rss_peak_kib(), RSS_KIB_MAX, node.name)
                self.assertEqual(node.ask("status")["agent"]["pid"], node.pid)
            for each in held:
                each.close()
            wait_for(15, "vps to see laptop", lambda: vps.sees("laptop"))
            write(mesh.path("f"), os.urandom(100_000))
            laptop.glow("put", mesh.path("f"), "/f")
            wait_for(15, "vps to get it", lambda: vps.glow("get", "--timeout", "5s", "/f", mesh.path("copy")))

    def test_garbage_on_the_control_socket_closes_that_connection_only(self):
        with Mesh() as mesh:
            node = mesh.node("solo", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            dice = random.Random(4)
            for _ in range(50):
                link = socket.socket(socket.AF_UNIX)
                link.settimeout(5)
                link.connect(os.path.join(node.home, "control.sock"))
                try:
                    link.sendall(dice.randbytes(dice.choice([1, 7, 1000, 100_000])))
                except OSError:
                    pass
                link.close()
            self.assertEqual(node.ask("status")["agent"]["pid"], node.pid)


if __name__ == "__main__":
    unittest.main(verbosity=2)
