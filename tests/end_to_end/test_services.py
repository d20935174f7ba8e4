"""Streams and services as a person uses them: listen and dial, expose and forward, ssh through it all."""
import hashlib
import os
import random
import shutil
import socket
import subprocess
import threading
import time
import unittest

from mesh import Mesh, endpoint, join, wait_for, write

SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if os.path.exists("/usr/sbin/sshd") else None)


class Echo:
    """A TCP service that sends everything back, and ends when its client does."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def serve(client):
        with client:
            while bytes_read := client.recv(65536):
                client.sendall(bytes_read)
            client.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()


def port_of(document):
    return int(document["listen"].rsplit(":", 1)[1])


def through(port, data, pause=0.0):
    """Sends data to a local port, half-closes, returns what came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        def write():
            for at in range(0, len(data), 65536):
                client.sendall(data[at:at + 65536])
                time.sleep(pause)
            client.shutdown(socket.SHUT_WR)
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        back = bytearray()
        while piece := client.recv(65536):
            back += piece
        writer.join()
        return bytes(back)


class Services(unittest.TestCase):
    def test_listen_and_dial_join_input_and_output_over_a_relay(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            sent = random.Random(1).randbytes(5_000_000)
            listener = subprocess.Popen([*vps.inside, vps.program, "--home", vps.home, "listen", "box"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
            wait_for(5, "vps to listen", lambda: endpoint(vps)["stream_services"] == 1)
            back = []
            reader = threading.Thread(target=lambda: back.append(listener.communicate(b"thank you", timeout=60)[0]))
            reader.start()
            answer = laptop.glow("dial", "vps/box", stdin=sent, text=False)
            reader.join()
            self.assertEqual(answer, b"thank you")
            self.assertEqual(hashlib.sha256(back[0]).digest(), hashlib.sha256(sent).digest())
            self.assertEqual(listener.returncode, 0)

    def test_what_nobody_serves_is_refused_with_one_line(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            laptop.glow("dial", "vps/nothing", stdin="", status=1)
            self.assertIn("no service 'nothing'", laptop.complaint)
            self.assertEqual(len(laptop.complaint.splitlines()), 1)
            laptop.glow("dial", "vps", stdin="", status=2)
            laptop.glow("dial", "moon/x", stdin="", status=1)
            laptop.glow("expose", "bad name", "127.0.0.1:1", status=2)
            laptop.glow("expose", "x", "nonsense", status=2)
            laptop.glow("expose", "--rm", "x", status=1)
            laptop.glow("forward", "--rm", "9", status=1)
            vps.kill()
            wait_for(20, "laptop to miss vps", lambda: not laptop.sees("vps"))
            began = time.monotonic()
            laptop.glow("dial", "--timeout", "2s", "vps/x", stdin="", status=4)
            self.assertLess(time.monotonic() - began, 6)

    def test_a_service_is_forwarded_survives_restarts_and_is_withdrawn(self):
        with Mesh() as mesh, Echo() as echo:
            laptop, nas, vps = mesh.three()
            vps.glow("expose", "echo", f"tcp://127.0.0.1:{echo.port}")
            vps.glow("expose", "echo", f"127.0.0.1:{echo.port}", status=1)
            port = port_of(laptop.ask("forward", "0", "vps/echo"))
            data = random.Random(2).randbytes(3_000_000)
            self.assertEqual(through(port, data), data)
            many = [threading.Thread(target=lambda: self.assertEqual(through(port, data[:200_000]), data[:200_000])) for _ in range(20)]
            for each in many:
                each.start()
            for each in many:
                each.join()
            self.assertEqual(laptop.ask("forward", "--list")[0]["served"], 21)
            for node in (laptop, vps):
                node.kill()
                node.up()
            wait_for(20, "laptop to see vps", lambda: laptop.sees("vps"))
            self.assertEqual(through(port, data), data)
            vps.glow("expose", "--rm", "echo")
            with self.assertRaises(OSError):
                if through(port, b"hello") == b"":
                    raise OSError("closed at once")
            laptop.glow("forward", "--rm", str(port))
            self.assertEqual(laptop.ask("forward", "--list"), [])
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))

    def test_a_target_that_is_down_ends_the_connection_and_nothing_else(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            nas.glow("expose", "gone", "127.0.0.1:1")
            port = port_of(laptop.ask("forward", "127.0.0.1:0", "nas/gone"))
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                try:
                    self.assertEqual(client.recv(10), b"")
                except ConnectionResetError:
                    pass
            laptop.glow("dial", "nas/gone", stdin="", status=1)
            self.assertIn("connection refused", laptop.complaint)
            self.assertTrue(laptop.sees("nas"))

    def test_a_slow_reader_holds_the_sender_back_and_memory_stays_bounded(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            server = socket.create_server(("127.0.0.1", 0))
            nas.glow("expose", "sink", f"127.0.0.1:{server.getsockname()[1]}")
            port = port_of(laptop.ask("forward", "0", "nas/sink"))
            with socket.create_connection(("127.0.0.1", port)) as client:
                taken, _ = server.accept()
                client.settimeout(2)
                sent = 0
                with self.assertRaises(TimeoutError):
                    while sent < 1 << 30:
                        sent += client.send(bytes(1 << 20))
                self.assertLess(sent, 64 << 20)
                self.assertLess(laptop.rss_peak_kib(), 120_000)
                self.assertLess(nas.rss_peak_kib(), 120_000)
                taken.close()
            server.close()

    @unittest.skipUnless(SSHD and shutil.which("ssh"), "SKIPPED: no ssh and sshd here (openssh-client, openssh-server)")
    def test_an_ssh_session_stays_open_while_its_path_changes_three_times(self):
        with Mesh() as mesh:
            # two disjoint paths: laptop (udp) and far (tcp) share no medium, each relay speaks both
            laptop = mesh.node("laptop", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            relays = [mesh.node(name, media=["udp", "tcp"], listen=["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]).up()
                      for name in ("one", "two")]
            far = mesh.node("far", media=["tcp"], listen=["tcp://127.0.0.1:0"]).up()
            for relay in relays:
                join(laptop, relay, role="admin")
            join(relays[0], far)
            neighbours = lambda node: {link["peer"] for link in node.ask("links") if link["state"] == "up"}
            wait_for(30, "both paths", lambda: neighbours(far) >= {"one", "two"} and neighbours(laptop) >= {"one", "two"})
            wait_for(10, "laptop to see far", lambda: laptop.sees("far"))
            server = self.ssh_server(mesh)
            try:
                far.glow("expose", "ssh", f"127.0.0.1:{server.port}")
                port = port_of(laptop.ask("forward", "0", "far/ssh"))
                session = subprocess.Popen(["ssh", "-T", "-F", "none", "-i", mesh.path("client_key"), "-p", str(port), "-o",
                                            "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                                            "-o", "BatchMode=yes", "127.0.0.1", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           text=True, bufsize=1)
                def say(line):
                    session.stdin.write(line + "\n")
                    self.assertEqual(session.stdout.readline(), line + "\n")
                say("before")
                for change in range(3):
                    via = laptop.ask("trace", "far")["hops"][0]["node"]
                    active = next(each for each in relays if each.name == via)
                    active.kill()
                    say(f"path {change} is gone")
                    self.assertIsNone(session.poll())
                    active.up()
                    wait_for(30, f"{via} to be back", lambda: via in neighbours(laptop) and via in neighbours(far))
                session.stdin.close()
                self.assertEqual(session.wait(20), 0)
                session.stdout.close()
            finally:
                server.terminate()
                server.wait(10)

    @staticmethod
    def ssh_server(mesh):
        for name in ("host_key", "client_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", mesh.path(name)], check=True)
        shutil.copy(mesh.path("client_key.pub"), mesh.path("authorized"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        write(mesh.path("sshd_config"), f"""Port {port}
ListenAddress 127.0.0.1
HostKey {mesh.path("host_key")}
AuthorizedKeysFile {mesh.path("authorized")}
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
""".encode())
        os.makedirs("/run/sshd", exist_ok=True)
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", mesh.path("sshd_config")], stderr=subprocess.DEVNULL)
        server.port = port
        wait_for(10, "sshd", lambda: reachable(port))
        return server


def reachable(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
