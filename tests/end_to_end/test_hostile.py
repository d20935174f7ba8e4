"""Strangers throw bytes at every port; the mesh does not mind."""
import os
import random
import socket
import subprocess
import time
import unittest

from mesh import Mesh, wait_for, write

FLOOD_BYTES = 64 << 20
HALF_OPEN = 1000
RSS_KIB_MAX = 100 * 1024


def ports(node):
    """What the agent listens on, as the kernel has it."""
    found = []
    for proto, flag in (("udp", "-lnup"), ("tcp", "-lntp")):
        lines = subprocess.run(["ss", "-H", flag], capture_output=True, text=True).stdout.splitlines()
        for line in lines:
            if f"pid={node.pid}," in line:
                found.append((proto, int(line.split()[3].rsplit(":", 1)[1])))
    return found


def flood(proto, port, count, pace=0.0):
    """`count` random bytes to one port; TCP connections that are closed on us are opened again."""
    dice = random.Random(port)
    block = dice.randbytes(1 << 20)
    sent = 0
    link = None
    while sent < count:
        piece = block[dice.randrange(1000):][:min(count - sent, dice.choice([1, 60, 1200, 1400] if proto == "udp" else [10, 1400, 60000]))]
        try:
            if proto == "udp":
                link = link or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                link.sendto(piece, ("127.0.0.1", port))
            else:
                link = link or socket.create_connection(("127.0.0.1", port), timeout=2)
                link.sendall(piece)
        except OSError:
            if link:
                link.close()
            link = None
        sent += len(piece)
        if pace:
            time.sleep(pace)
    if link:
        link.close()


class Hostile(unittest.TestCase):
    def test_floods_and_half_open_connections_cost_little_and_break_nothing(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            targets = [(n, *p) for n in (laptop, nas, vps) for p in ports(n)]
            self.assertGreaterEqual(len(targets), 4, "udp of laptop and nas, tcp of nas and vps")
            held = []
            for node, proto, port in targets:
                if proto != "tcp":
                    continue
                for _ in range(HALF_OPEN):
                    try:
                        held.append(socket.create_connection(("127.0.0.1", port), timeout=2))
                    except OSError:
                        break  # closed on us at once: just as well
            for node, proto, port in targets:
                flood(proto, port, FLOOD_BYTES)
                flood(proto, port, 2000, pace=0.002)
                print(f"{node.name} {proto}:{port}: RSS {node.rss_kib() / 1024:.1f} MiB after {FLOOD_BYTES >> 20} MiB")
            for node in (laptop, nas, vps):
                self.assertLess(node.rss_kib(), RSS_KIB_MAX, node.name)
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
