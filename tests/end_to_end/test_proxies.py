"""Two agents that reach each other through a proxy and in no other way: our own small ones, and Debian's."""
import os
import shutil
import subprocess
import sys
import unittest
import urllib.parse

from mesh import Mesh, join, wait_for

PORT = 7400
SECRET = "s3cret/@:%word"  # every character that could be lost on the way


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def may_make_namespaces():
    if os.geteuid() != 0:
        return False
    probe = f"proxy-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return made


class Gap:
    """pi ── middle ── nas: nothing is forwarded in the middle, and its hosts file alone knows where nas.onion is."""

    def __init__(self):
        tag = f"proxy-{os.getpid() % 10000}"
        self.pi, self.middle, self.nas = (f"{tag}-{end}" for end in ("a", "m", "b"))

    def __enter__(self):
        for space in (self.pi, self.middle, self.nas):
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        for number, space in ((1, self.pi), (2, self.nas)):
            ip("link", "add", f"eth{number}", "netns", self.middle, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("-n", self.middle, "addr", "add", f"10.79.{number}.1/24", "dev", f"eth{number}")
            ip("-n", space, "addr", "add", f"10.79.{number}.2/24", "dev", "eth0")
            ip("-n", self.middle, "link", "set", f"eth{number}", "up")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "route", "add", "default", "via", f"10.79.{number}.1")
        self.etc = f"/etc/netns/{self.middle}"  # ip netns exec puts what is there over /etc
        os.makedirs(self.etc)
        with open(f"{self.etc}/hosts", "w") as hosts:
            hosts.write("127.0.0.1 localhost\n10.79.2.2 nas.onion\n")
        return self

    def __exit__(self, *_):
        for space in (self.pi, self.middle, self.nas):
            subprocess.run(["ip", "netns", "del", space], capture_output=True)
        shutil.rmtree(self.etc, ignore_errors=True)

    @staticmethod
    def inside(space):
        return ["ip", "netns", "exec", space]

    def listens(self, port):
        shown = subprocess.run([*self.inside(self.middle), "ss", "-Htln", f"sport = :{port}"], capture_output=True, text=True)
        return shown.stdout.strip() != ""


class Proxy:
    """A proxy in the middle while the block lasts."""

    def __init__(self, gap, port, *command):
        self.gap, self.port, self.command = gap, port, command

    def __enter__(self):
        self.process = subprocess.Popen([*self.gap.inside(self.gap.middle), *self.command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(10, f"{self.command[0]} to listen", lambda: self.gap.listens(self.port))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def ours(gap, kind, port, *credentials):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxies.py")
    return Proxy(gap, port, sys.executable, "-B", script, kind, "10.79.1.1", str(port), *credentials)


def place(scheme, port, user=None, password=None, host="nas.onion", proxy_host="10.79.1.1"):
    login = f"{user}:{urllib.parse.quote(password, safe='')}@" if user else ""
    via = f"{scheme}://{login}{proxy_host}:{port}"
    return f"tcp://{host}:{PORT}?via={urllib.parse.quote(via, safe='')}"


def two_members(mesh, gap):
    """nas listens, pi only dials; they joined over a unix socket, which is no more."""
    nas = mesh.node("nas", media=["unix"], listen=[f"unix:{mesh.path('nas.socket')}"], inside=gap.inside(gap.nas)).up()
    pi = mesh.node("pi", media=["unix"], listen=[f"unix:{mesh.path('pi.socket')}"], inside=gap.inside(gap.pi)).up()
    join(nas, pi, role="admin")
    wait_for(15, "nas and pi to see each other", lambda: nas.sees("pi") and pi.sees("nas"))
    for node in (nas, pi):
        node.down()
        with open(os.path.join(node.home, "config.toml"), "w"):
            pass  # flags replace each other there, but do not go
    nas.flags = ["--name", "nas", "--no-discovery", "--media", "tcp", "--listen", f"tcp://0.0.0.0:{PORT}"]
    pi.flags = ["--name", "pi", "--no-discovery", "--media", "tcp", "--listen", "tcp://127.0.0.1:0"]
    return nas.up(), pi.up()


def up_links(node):
    return [l for l in node.ask("links") if l["state"] == "up"]


def waiting(node, dial):
    """Why a dial that waits has failed."""
    return "".join(l["why"] for l in node.ask("links") if l["id"] == dial and l["state"] == "waiting")


@unittest.skipUnless(may_make_namespaces(), "SKIPPED: needs root and network namespaces")
class Proxies(unittest.TestCase):
    def check_by(self, pi, nas, uri):
        """pi reaches nas there and in no other way; a request changes something; nobody is told the password."""
        added = pi.ask("link", "add", uri)
        took = wait_for(20, f"a link by {uri}", lambda: pi.sees("nas") and nas.sees("pi"))
        pinged = pi.ask("ping", "nas", "-c", "3", "--interval", "0.05")
        self.assertEqual(pinged["received"], 3)
        print(f"{added['channel']}: linked after {took:.2f} s, round trip {pinged['rtt_ms']['avg']:.2f} ms")
        (link,) = up_links(pi)
        shown = urllib.parse.unquote(uri.split("?via=")[1]).split("://")
        shown = f"tcp://nas.onion:{PORT}?via={shown[0]}://{shown[1].rsplit('@')[-1]}"
        self.assertEqual((link["state"], link["channel"], added["channel"]), ("up", shown, shown))
        name = f"/{added['id']}/file"
        pi.glow("put", "-", name, stdin=uri)
        wait_for(10, "nas to have the file", lambda: nas.glow("cat", name, status=None) == uri)
        pi.glow("link", "rm", str(added["id"]))
        wait_for(15, "the link to be gone", lambda: not up_links(pi) and not up_links(nas))

    def check_nobody_knows(self, pi, nas, *words):
        """Neither logs nor what is kept tell how pi came there."""
        for node in (pi, nas):
            for directory, _, files in os.walk(node.home):
                for each in files:
                    path = os.path.join(directory, each)
                    if not os.path.isfile(path) or os.path.basename(path) == "config.toml":
                        continue  # a socket; where the owner wrote it
                    with open(path, "rb") as file:
                        found = file.read()
                    for word in words:
                        self.assertNotIn(word.encode(), found, f"{path} tells {word}")
        for text in (nas.ask("invite")["ticket"], nas.glow("--json", "links"), nas.glow("metrics"), pi.glow("metrics"),
                     pi.glow("supervisor-tree")):
            for word in words:
                self.assertNotIn(word, text)

    def test_socks5_and_http_with_and_without_a_password(self):
        with Gap() as gap, Mesh() as mesh:
            nas, pi = two_members(mesh, gap)
            with ours(gap, "socks5", 9050), ours(gap, "http", 3128):
                self.check_by(pi, nas, place("socks5", 9050))
                self.check_by(pi, nas, place("http", 3128))
            with ours(gap, "socks5", 9050, "me", SECRET), ours(gap, "http", 3128, "me", SECRET):
                for kind, port in (("socks5", 9050), ("http", 3128)):
                    # the file's content tells the place, so only that file may
                    added = pi.ask("link", "add", place(kind, port, "me", SECRET))
                    wait_for(20, f"a link by {kind}", lambda: pi.sees("nas") and nas.sees("pi"))
                    self.assertEqual(pi.ask("ping", "nas", "-c", "1")["received"], 1)
                    self.assertEqual(added["channel"], f"tcp://nas.onion:{PORT}?via={kind}://10.79.1.1:{port}")
                    self.check_nobody_knows(pi, nas, "s3cret", urllib.parse.quote(SECRET, safe=""))
                    pi.glow("link", "rm", str(added["id"]))
                    wait_for(15, "the link to be gone", lambda: not up_links(pi) and not up_links(nas))

    def test_a_link_by_proxy_comes_back_after_the_proxy_and_after_the_agent(self):
        with Gap() as gap, Mesh() as mesh:
            nas, pi = two_members(mesh, gap)
            pi.down()
            pi.flags += ["--peer", place("socks5", 9050, "me", SECRET)]
            pi.up()
            wait_for(10, "the dial to fail", lambda: "proxy unreachable" in pi.ask("links")[0]["why"])
            with ours(gap, "socks5", 9050, "me", SECRET):
                wait_for(30, "a link once there is a proxy", lambda: pi.sees("nas"))
            wait_for(15, "pi to notice that the proxy is gone", lambda: not pi.sees("nas"))
            with ours(gap, "socks5", 9050, "me", SECRET):
                took = wait_for(30, "the link to come back", lambda: pi.sees("nas") and nas.sees("pi"))
                print(f"back {took:.2f} s after the proxy")
                pi.kill()
                pi.up()
                wait_for(30, "the link to come back with the agent", lambda: pi.sees("nas") and nas.sees("pi"))
                self.assertEqual(pi.ask("ping", "nas", "-c", "1")["received"], 1)
                self.check_nobody_knows(pi, nas, "s3cret", urllib.parse.quote(SECRET, safe=""))

    def test_what_failed_is_told_by_its_name(self):
        with Gap() as gap, Mesh() as mesh:
            nas, pi = two_members(mesh, gap)
            with ours(gap, "socks5", 9050, "me", SECRET), ours(gap, "http", 3128, "me", SECRET), ours(gap, "socks5", 9051):
                for uri, words in (
                    (place("socks5", 9049), "proxy unreachable: cannot connect to socks5://10.79.1.1:9049"),
                    (place("http", 3128, proxy_host="nowhere.invalid"), "proxy unreachable: cannot find the address of 'nowhere.invalid'"),
                    (place("socks5", 9050), "proxy authentication failed: socks5://10.79.1.1:9050"),
                    (place("socks5", 9050, "me", "s3crets"), "proxy authentication failed: socks5://10.79.1.1:9050"),
                    (place("http", 3128), "proxy authentication failed: http://10.79.1.1:3128"),
                    (place("http", 3128, "me", "s3crets"), "proxy authentication failed: http://10.79.1.1:3128"),
                    (place("http", 3128, "me", SECRET, host="pi.onion"), "proxy refused: http://10.79.1.1:3128 answers '502 Bad Gateway'"),
                    (place("socks5", 9051, host="pi.onion"), "proxy refused: socks5://10.79.1.1:9051 answers 'connection refused (5)'"),
                    (place("http", 9051), "proxy misunderstood: what answers at http://10.79.1.1:9051"),
                    (f"tcp://nas.onion:{PORT}", "'nas.onion' is found by Tor only"),
                ):
                    dial = pi.ask("link", "add", uri)["id"]
                    wait_for(20, f"'{words}' of {uri}; links: {pi.glow('links')}", lambda w=words, d=dial: w in waiting(pi, d))
                    pi.glow("link", "rm", str(dial))
                self.assertNotIn("s3cret", pi.log_all())
            for uri, words in ((f"tcp://[fe80::1]:{PORT}?via=ftp://me:s3cret@10.79.1.1:21", "the proxy in ?via="),
                               (f"tcp://nas.onion:{PORT}?via=socks5://me:s3cret@10.79.1.1", "write its port, too"),
                               ("tcp://nas.onion:99999?via=socks5://me:s3cret@10.79.1.1:9050", "port must be"),
                               (f"udp://nas.onion:{PORT}?via=socks5://me:s3cret@10.79.1.1:9050", "no transport for")):
                pi.glow("link", "add", uri, status=2)
                self.assertIn(words, pi.complaint)
                self.assertNotIn("s3cret", pi.complaint)
            pi.down()
            for flag, uri in (("--peer", f"tcp://nas.onion:{PORT}?via=ftp://10.79.1.1:21"),
                              ("--listen", f"tcp://0.0.0.0:{PORT}?via=socks5://10.79.1.1:9050")):
                pi.glow("up", "--foreground", *pi.flags, flag, uri, status=2)
                self.assertIn("proxy", pi.complaint)

    def test_debian_s_proxies(self):
        def config(text):
            path = mesh.path("proxy.conf")
            with open(path, "w") as file:
                file.write(text)
            return path

        with Gap() as gap, Mesh() as mesh:
            nas, pi = two_members(mesh, gap)
            known = [
                ("microsocks", place("socks5", 9050), 9050, lambda: ("microsocks", "-i", "10.79.1.1", "-p", "9050")),
                ("microsocks", place("socks5", 9050, "me", SECRET), 9050,
                 lambda: ("microsocks", "-i", "10.79.1.1", "-p", "9050", "-u", "me", "-P", SECRET)),
                ("danted", place("socks5", 1080), 1080, lambda: ("danted", "-f", config(
                    "logoutput: /dev/null\ninternal: 10.79.1.1 port = 1080\nexternal: 10.79.2.1\nclientmethod: none\nsocksmethod: none\n"
                    "user.unprivileged: nobody\n"
                    "client pass { from: 0/0 to: 0/0 }\nsocks pass { from: 0/0 to: 0/0 }\n"))),
                ("tinyproxy", place("http", 3128), 3128, lambda: ("tinyproxy", "-d", "-c", config(
                    f"Port 3128\nListen 10.79.1.1\nTimeout 600\nAllow 10.79.1.2\nConnectPort {PORT}\nMaxClients 10\n"))),
                ("tinyproxy", place("http", 3128, "me", "s3cret"), 3128, lambda: ("tinyproxy", "-d", "-c", config(
                    f"Port 3128\nListen 10.79.1.1\nTimeout 600\nConnectPort {PORT}\nMaxClients 10\nBasicAuth me s3cret\n"))),
            ]
            tried = 0
            for program, uri, port, command in known:
                if shutil.which(program) is None:
                    print(f"SKIPPED: {program} is not installed", file=sys.stderr)
                    continue
                with Proxy(gap, port, *command()):
                    self.check_by(pi, nas, uri)
                wait_for(10, f"port {port} to be free", lambda p=port: not gap.listens(p))
                tried += 1
            if tried == 0:
                self.skipTest("SKIPPED: none of Debian's proxies is installed")


if __name__ == "__main__":
    if not may_make_namespaces():
        print("SKIPPED: a proxy between network namespaces needs root", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
