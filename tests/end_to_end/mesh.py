"""Real agents in homes of their own, for the end-to-end tests: started, asked through `glow --json`, killed, looked at.

Everything lives in one temporary directory and ends with the test. Agents listen on free ports of loopback, or in network
namespaces that the test made itself.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get("GLOW_BIN") or os.path.join(os.path.dirname(__file__), "../../build/release/bin")
GLOW = os.path.join(BIN, "glow")


class Failed(Exception):
    """A command ended with another status than the test asked for."""


class Node:
    """One agent and its home. `inside`: a command prefix (ip netns exec …)."""

    def __init__(self, mesh, name, media=(), listen=(), inside=(), discovery=False):
        self.mesh, self.name, self.inside = mesh, name, list(inside)
        self.home = os.path.join(mesh.directory, name)
        self.program = GLOW
        self.flags = ["--name", name, "--discovery" if discovery else "--no-discovery"]
        for each in media:
            self.flags += ["--media", each]
        for each in listen:
            self.flags += ["--listen", each]

    def glow(self, *words, status=0, stdin=None, timeout=120, text=True):
        """Runs a command; returns what it printed. Another exit status than `status` (None: any) fails the test."""
        done = subprocess.run([*self.inside, self.program, "--home", self.home, *words], input=stdin, capture_output=True, timeout=timeout,
                              text=text)
        self.status, self.complaint = done.returncode, done.stderr
        if status is not None and done.returncode != status:
            raise Failed(f"{self.name}: glow {' '.join(map(str, words))}: status {done.returncode}, not {status}\n"
                         f"{done.stdout if text else ''}{done.stderr}\n--- log\n{self.log_tail()}")
        return done.stdout

    def ask(self, *words, **more):
        return json.loads(self.glow("--json", *words, **more))

    def start(self, *command, **options):
        """The same in the background."""
        return subprocess.Popen([*self.inside, self.program, "--home", self.home, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, **options)

    def up(self):
        self.glow("up", *self.flags)
        self.pid = self.ask("status")["agent"]["pid"]
        return self

    def down(self):
        self.glow("down")

    def kill(self):
        """kill -9, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        wait_for(10, f"{self.name} to be gone", lambda: not alive(self.pid))

    def log_tail(self, lines=15):
        try:
            with open(os.path.join(self.home, "log"), errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError:
            return ""

    def sees(self, other):
        return any(n["name"] == other and n["online"] for n in self.ask("nodes"))

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def rss_peak_kib(self):
        """The most it ever was, as the kernel has it."""
        with open(f"/proc/{self.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1))

    def wakeups(self):
        """Context switches of all threads since their start: each stands for one wake-up."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status") as status:
                total += int(re.search(r"voluntary_ctxt_switches:\s+(\d+)", status.read()).group(1))
        return total

    def listening(self):
        """Ports the agent listens on: [("udp", 7400), …]."""
        found = []
        for word in re.findall(r"(udp|tcp)://[^\s\"]*:(\d+)", self.log_all()):
            found.append((word[0], int(word[1])))
        return found

    def log_all(self):
        with open(os.path.join(self.home, "log"), errors="replace") as log:
            return log.read()


class Mesh:
    """A set of nodes; `with Mesh() as mesh:` stops them all at the end and removes what they left."""

    def __init__(self, where=None):
        self.directory = tempfile.mkdtemp(prefix="glow-test.", dir=where)
        self.nodes = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for node in self.nodes:
            if kind and os.environ.get("GLOW_TEST_LOGS"):
                print(f"--- {node.name}\n{node.log_tail(40)}", file=sys.stderr)
            pid = getattr(node, "pid", None)
            if pid and alive(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def node(self, name, **how):
        made = Node(self, name, **how)
        self.nodes.append(made)
        return made

    def three(self, nas_listens_too=()):
        """laptop ── udp ── nas ── tcp ── vps, joined and converged."""
        laptop = self.node("laptop", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
        nas = self.node("nas", media=["udp", "tcp", *(uri.split(":")[0] for uri in nas_listens_too)],
                        listen=["udp://127.0.0.1:0", "tcp://127.0.0.1:0", *nas_listens_too]).up()
        vps = self.node("vps", media=["tcp"], listen=["tcp://127.0.0.1:0"]).up()
        join(laptop, nas, role="admin")
        join(nas, vps)
        for a, b in (("laptop", "vps"), ("vps", "laptop"), ("nas", "laptop"), ("nas", "vps")):
            here = next(n for n in self.nodes if n.name == a)
            wait_for(15, f"{a} to see {b}", lambda here=here, b=b: here.sees(b))
        return laptop, nas, vps


def join(host, guest, role="member"):
    guest.glow("join", host.ask("invite", "--role", role)["ticket"])


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(seconds, what, true):
    """Asks until `true()`; returns how many seconds that took."""
    began = time.monotonic()
    while True:
        try:
            if true():
                return time.monotonic() - began
        except (Failed, json.JSONDecodeError, subprocess.TimeoutExpired):
            pass
        if time.monotonic() - began > seconds:
            raise Failed(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def same_tree(a, b):
    return subprocess.run(["diff", "-r", "--no-dereference", a, b], capture_output=True, text=True)


def random_tree(directory, files=60, bytes_max=300_000, seed=1):
    """Files of all sizes, nested, some alike, with awkward names."""
    import random
    dice = random.Random(seed)
    for i in range(files):
        size = dice.choice([0, 1, 100, 4096, 65536, 65537, dice.randrange(bytes_max)])
        name = os.path.join(directory, *(f"d{dice.randrange(4)}" for _ in range(dice.randrange(3))), f"f{i}")
        write(name, dice.randbytes(size))
    write(os.path.join(directory, "name with\nnewline"), b"n")
    write(os.path.join(directory.encode(), b"bad\xff\xfeutf8").decode(errors="surrogateescape"), b"u")
    os.makedirs(os.path.join(directory, "empty"), exist_ok=True)
    os.symlink("f0", os.path.join(directory, "link"))
    return directory


def endpoint(node):
    """What the node's endpoint says of itself."""
    shell = os.path.join(BIN, "glow-shell")
    done = subprocess.run([*node.inside, shell, "--home", node.home, "state", "node/endpoint"], capture_output=True, text=True,
                          timeout=20)
    return json.loads(done.stdout)["state"]
