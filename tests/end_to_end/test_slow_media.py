"""Links over a serial line at 9600 baud and over commands, and nothing else."""
import os
import pty
import select
import shlex
import socket
import subprocess
import sys
import threading
import time
import tty
import unittest
import urllib.parse

from mesh import GLOW, Mesh, endpoint, join, wait_for


class SerialCable:
    """A null-modem cable: two pseudo-terminals, and somebody who carries bytes from each to the other."""

    def __init__(self):
        self.masters, self.slaves = zip(*(pty.openpty() for _ in range(2)))
        for slave in self.slaves:  # held open: a master without a slave reads errors
            tty.setraw(slave)
        for master in self.masters:
            os.set_blocking(master, False)
        self.devices = [os.ttyname(slave) for slave in self.slaves]
        self.carried = [0, 0]
        self.noise = b""
        self.cut = False
        self.pump = threading.Thread(target=self.run, daemon=True)
        self.over = False
        self.pump.start()

    def run(self):
        while not self.over:
            ready, _, _ = select.select(self.masters, [], [], 0.05)
            for master in ready:
                end = self.masters.index(master)
                try:
                    data = os.read(master, 4096)
                except BlockingIOError:
                    continue
                self.carried[end] += len(data)
                if self.cut:
                    continue
                noise, self.noise = self.noise, b""
                for rest in (noise, data):
                    while rest and not self.over:
                        try:
                            rest = rest[os.write(self.masters[1 - end], rest):]
                        except BlockingIOError:
                            time.sleep(0.005)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        self.pump.join()
        for fd in (*self.masters, *self.slaves):
            os.close(fd)

    def place(self, end, baud=9600):
        return f"tty:{self.devices[end]}?baud={baud}"


def members(mesh):
    """Two members of one namespace, which join over a socket and then lose it: each has media and places of its own after."""
    nas = mesh.node("nas", media=["unix"], listen=[f"unix:{mesh.path('socket')}"]).up()
    pi = mesh.node("pi", media=["unix"], listen=[f"unix:{mesh.path('other')}"]).up()
    join(nas, pi, role="admin")
    wait_for(15, "nas and pi to see each other", lambda: nas.sees("pi") and pi.sees("nas"))
    nas.down()
    pi.down()
    return nas, pi


def restart(node, media, peers=(), listen=()):
    """With these media and places, whatever the agent's config says."""
    node.flags = ["--name", node.name, "--no-discovery"]
    for each in media:
        node.flags += ["--media", each]
    for each in listen:
        node.flags += ["--listen", each]
    for each in peers:
        node.flags += ["--peer", each]
    with open(os.path.join(node.home, "config.toml"), "w"):
        pass  # flags replace each other there, but do not go
    node.up()


def command_of(node):
    words = ["env", f"GLOW_HOME={node.home}", GLOW, "stdio"]
    return "exec:" + urllib.parse.quote(" ".join(shlex.quote(w) for w in words))


def only_link(node):
    links = [l for l in node.ask("links") if l["state"] == "up"]
    return links[0] if len(links) == 1 else None


class SlowMedia(unittest.TestCase):
    def check_works(self, here, there, seconds):
        """They see each other, over one link, and answer; returns how long that took."""
        took = wait_for(seconds, f"{here.name} and {there.name} to see each other",
                        lambda: here.sees(there.name) and there.sees(here.name) and only_link(here))
        pinged = here.ask("ping", there.name, "-c", "2", "--timeout", "20s")
        self.assertGreater(pinged["received"], 0)
        print(f"linked after {took:.1f} s, round trip {pinged['rtt_ms']['avg']:.1f} ms")
        return took

    def test_a_serial_line_at_9600_baud_is_link_enough(self):
        with Mesh() as mesh, SerialCable() as cable:
            nas, pi = members(mesh)
            restart(nas, ["tty"], listen=[cable.place(0)])
            restart(pi, ["tty"], peers=[cable.place(1)])
            self.check_works(pi, nas, 60)
            for node, device in ((nas, 0), (pi, 1)):
                link = only_link(node)
                self.assertEqual(link["class"], "control")
                self.assertIn("9600 baud", link["why"])
                self.assertEqual(link["channel"], cable.place(device))
                node.ask("status")

            # a request that changes something at the other end: a file's name, its tree and its few bytes
            began = time.monotonic()
            pi.glow("put", "-", "/over/the/line", stdin="a few bytes\n")
            wait_for(60, "nas to know the file", lambda: "line" in nas.glow("ls", "/over/the", status=None))
            print(f"a file known at the other end after {time.monotonic() - began:.1f} s")

            # noise costs packets, not the link
            up_s = only_link(pi)["up_s"]
            for _ in range(5):
                cable.noise = os.urandom(300)
                pi.ask("ping", "nas", "-c", "1", "--timeout", "20s")
            self.assertGreater(only_link(pi)["up_s"], up_s)

            # idle, the line comes to rest: beats and digests only, a fraction of its 960 bytes a second each way
            def bytes_a_second(window=5):
                before = sum(cable.carried)
                time.sleep(window)
                return (sum(cable.carried) - before) / window

            rested = wait_for(90, "the line to rest", lambda: bytes_a_second() < 60)
            print(f"at rest after {rested:.0f} s")

    def test_a_serial_line_carries_requests_and_messages_beside_a_bulk_transfer_and_refuses_bulk(self):
        with Mesh() as mesh, SerialCable() as cable:
            nas, pi = members(mesh)
            pi.up()
            laptop = mesh.node("laptop", media=["unix"], listen=[f"unix:{mesh.path('third')}"]).up()
            join(pi, laptop, role="member")
            for node in (pi, laptop):
                node.down()
            restart(nas, ["tty"], listen=[cable.place(0)])
            restart(pi, ["tty", "unix"], peers=[cable.place(1)], listen=[f"unix:{mesh.path('other')}"])
            restart(laptop, ["unix"], peers=[f"unix:{mesh.path('other')}"])
            wait_for(60, "all to see each other", lambda: nas.sees("laptop") and laptop.sees("nas") and laptop.sees("pi"))

            sink = subprocess.Popen([pi.program, "--home", pi.home, "listen", "sink"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            got = [0]

            def drain():
                while piece := os.read(sink.stdout.fileno(), 1 << 20):
                    got[0] += len(piece)

            reader = threading.Thread(target=drain, daemon=True)
            reader.start()
            wait_for(10, "pi to listen", lambda: endpoint(pi)["stream_services"] == 1)
            with open("/dev/zero", "rb") as zeros:
                bulk = subprocess.Popen([laptop.program, "--home", laptop.home, "dial", "--bulk", "pi/sink"], stdin=zeros,
                                        stdout=subprocess.DEVNULL)
            try:
                wait_for(20, "the bulk transfer to run", lambda: got[0] > 10_000_000)
                before, began, on_line = got[0], time.monotonic(), sum(cable.carried)
                nas.ask("status")
                for one, other in ((pi, "nas"), (nas, "pi"), (laptop, "nas")):
                    pinged = one.ask("ping", other, "-c", "2", "--timeout", "20s")
                    self.assertEqual(pinged["received"], 2, f"{one.name} to {other}")
                    print(f"{one.name} to {other}: {pinged['rtt_ms']['avg']:.0f} ms")
                laptop.glow("send", "nas/inbox", stdin="while the line is busy elsewhere\n")
                self.assertIn("while the line", nas.glow("recv", "inbox", "--timeout", "60s"))
                pi.glow("dial", "--bulk", "nas/sink", stdin="", status=4)
                self.assertIn("too slow for bulk", pi.complaint)
                seconds = time.monotonic() - began
                moved, crossed = got[0] - before, sum(cable.carried) - on_line
                print(f"in {seconds:.1f} s {moved / 1e6:.0f} MB of bulk went elsewhere, {crossed} bytes over the line")
                self.assertIsNone(bulk.poll())
                self.assertGreater(moved, 1_000_000)
                self.assertLess(crossed, 2 * 960 * (seconds + 2))
            finally:
                for each in (bulk, sink):
                    each.kill()
                    each.wait()
                reader.join()
                sink.stdout.close()

    def test_both_ends_may_dial_and_an_agent_that_was_killed_is_back_soon(self):
        with Mesh() as mesh, SerialCable() as cable:
            nas, pi = members(mesh)
            restart(nas, ["tty"], peers=[cable.place(0, 115200)])
            restart(pi, ["tty"], peers=[cable.place(1, 115200)])
            self.check_works(pi, nas, 30)
            pi.kill()
            restart(pi, ["tty"], peers=[cable.place(1, 115200)])
            took = self.check_works(pi, nas, 60)
            self.assertLess(took, 40)

    def test_an_end_that_comes_late_is_heard_although_the_other_one_has_given_up_dialling_often(self):
        with Mesh() as mesh, SerialCable() as cable:
            nas, pi = members(mesh)
            restart(nas, ["tty"], peers=[cable.place(0, 115200)])
            time.sleep(20)  # it tries less and less often
            restart(pi, ["tty"], peers=[cable.place(1, 115200)])
            self.check_works(pi, nas, 20)

    def test_a_command_is_link_enough(self):
        with Mesh() as mesh:
            nas, pi = members(mesh)
            restart(nas, ["stdio"])
            restart(pi, ["exec"])
            command = command_of(nas)
            added = pi.ask("link", "add", command)
            self.assertEqual(urllib.parse.unquote(added["channel"]), urllib.parse.unquote(command))
            self.check_works(pi, nas, 15)
            self.assertTrue(only_link(pi)["channel"].startswith("exec:"))
            self.assertTrue(only_link(nas)["channel"].startswith("stdio:"))
            data = os.urandom(3 << 20)
            with open(mesh.path("data"), "wb") as file:
                file.write(data)
            pi.glow("put", mesh.path("data"), "/data")
            wait_for(20, "nas to know the file", lambda: nas.glow("ls", "/data"))
            self.assertEqual(nas.glow("cat", "/data", text=False), data)

            # nas is killed: its end says so, and is dialled again until it is back
            nas.kill()
            wait_for(15, "pi to notice", lambda: not pi.sees("nas"))
            wait_for(15, "the reason to be told",
                     lambda: any("no agent is running" in json_text(l) for l in pi.ask("links")))
            restart(nas, ["stdio"])
            self.check_works(pi, nas, 30)

            # pi ends: nobody keeps running what it had started
            pi.kill()
            wait_for(10, "the command to end", lambda: not running_with(nas.home, "stdio"))

    def test_over_ssh_without_any_open_port_of_ours(self):
        sshd = "/usr/sbin/sshd"
        if os.geteuid() != 0 or not os.path.exists(sshd) or not os.path.isdir("/run/sshd"):
            print("SKIPPED: a link over ssh needs root, openssh-server and /run/sshd", file=sys.stderr)
            self.skipTest("no sshd here")
        with Mesh() as mesh:
            nas, pi = members(mesh)
            restart(nas, ["stdio"])
            restart(pi, ["exec"])
            for key in ("host", "user"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", mesh.path(key)], check=True)
            port = free_port()
            config = mesh.path("sshd_config")
            with open(config, "w") as file:
                file.write(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {mesh.path('host')}\nPidFile none\nUsePAM no\nStrictModes no\n"
                           f"AuthorizedKeysFile {mesh.path('user.pub')}\nPermitRootLogin prohibit-password\n")
            server = subprocess.Popen([sshd, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                words = ["ssh", "-p", str(port), "-i", mesh.path("user"), "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", "-o",
                         f"UserKnownHostsFile={mesh.path('known')}", "127.0.0.1", f"{GLOW} --home {nas.home} stdio"]
                pi.glow("link", "add", "exec:" + urllib.parse.quote(" ".join(shlex.quote(w) for w in words)))
                self.check_works(pi, nas, 20)
                began = only_link(pi)["up_s"]
                time.sleep(1)
                self.assertGreater(only_link(pi)["up_s"], began)
            finally:
                server.terminate()
                server.wait()

    def test_stdio_without_an_agent_says_so(self):
        with Mesh() as mesh:
            nas = mesh.node("nas")
            nas.glow("stdio", status=3, stdin="")
            self.assertIn("no agent is running", nas.complaint)
            nas.flags += ["--media", "unix", "--listen", f"unix:{mesh.path('socket')}"]
            nas.up()
            nas.glow("stdio", status=1, stdin="")
            self.assertIn("--media stdio", nas.complaint)

    def test_places_that_only_the_owner_may_name_are_told_to_nobody(self):
        with Mesh() as mesh, SerialCable() as cable:
            nas, pi = members(mesh)
            place = f"unix:{mesh.path('socket')}"
            restart(nas, ["unix", "tty", "stdio"], listen=[place, cable.place(0)])
            restart(pi, ["unix", "tty", "exec"], listen=[f"unix:{mesh.path('other')}"], peers=[place])
            wait_for(15, "pi to see nas", lambda: pi.sees("nas"))
            ticket = nas.ask("invite")
            for text in (str(ticket), nas.glow("supervisor-tree"), str(pi.ask("links"))):
                self.assertNotIn("tty:", text)
            with open(os.path.join(pi.home, "namespace"), "rb") as file:
                known = file.read()
            self.assertIn(b"unix:", known)
            self.assertNotIn(b"tty:", known)
            self.assertNotIn(b"stdio:", known)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def json_text(link):
    return " ".join(str(v) for v in link.values())


def running_with(home, word):
    """Processes whose environment and command line tell that they serve this home."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/environ", "rb") as variables:
                if word.encode() in line.read().split(b"\0") and f"GLOW_HOME={home}".encode() in variables.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            continue
    return found


if __name__ == "__main__":
    unittest.main(verbosity=2)
