"""What an agent tells of itself: OpenMetrics text, live views on a terminal, why a route is taken, the hops of a trace."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from mesh import GLOW, Mesh, join, wait_for

sys.path.append("/usr/lib/python3/dist-packages") # Debian's, where another python3 comes first
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None


def echoes(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


class screen:
    """A command on a terminal of its own; knows what stands on it after each frame."""

    def __init__(self, node, *words, columns=140, rows=20):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        environment = dict(os.environ, TERM="xterm", NO_COLOR="1")
        self.process = subprocess.Popen([GLOW, "--home", node.home, *words], stdin=slave, stdout=slave, stderr=subprocess.PIPE, env=environment,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.bytes = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.05):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                more = os.read(self.master, 65536)
            except OSError: # the other side has closed it
                return
            if not more:
                return
            self.bytes += more

    def frames(self):
        """Lines of each whole frame so far."""
        self.read()
        whole = re.findall(rb"\x1b\[H(.*?)\x1b\[J", self.bytes, re.S)
        return [frame.replace(b"\x1b[K", b"").decode().split("\r\n") for frame in whole]

    def end(self, how):
        """Ends it by a signal to its terminal's process group, or by the key that stands for it; returns the exit status."""
        if how == "^C":
            os.write(self.master, b"\x03")
        else:
            self.process.send_signal(how)
        status = self.process.wait(timeout=10)
        self.echo_after = echoes(self.master)
        self.read()
        self.process.stderr.close()
        os.close(self.master)
        return status


class reading(unittest.TestCase):
    """What the tests below share: the metrics as numbers."""

    def samples(self, node):
        """Every sample of the node's metrics by (name, labels)."""
        out = {}
        for line in node.glow("metrics").splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = re.fullmatch(r'(\w+)(\{.*\})? (\S+)', line).groups()
            key = (name, tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))))
            self.assertNotIn(key, out)
            out[key] = float(value)
        return out

    def total(self, samples, name, **labels):
        found = [v for (n, have), v in samples.items() if n == name and set(labels.items()) <= set(have)]
        self.assertTrue(found, f"no {name} with {labels}")
        return sum(found)


class a_node_whose_actor_fails(reading):
    def test_its_restarts_are_counted_and_its_metrics_go_on(self):
        with Mesh() as mesh:
            alone = mesh.node("alone").up()
            shell = os.path.join(os.path.dirname(GLOW), "glow-shell")
            subprocess.run([shell, "--home", alone.home, "quit", "node/jobs"], check=True, capture_output=True)
            wait_for(10, "the restart to be counted",
                     lambda: self.total(self.samples(alone), "glow_actor_restarts_total", actor="node/jobs") == 1)

    def test_a_live_view_of_an_agent_that_stops_ends_with_the_reason_and_a_clean_terminal(self):
        with Mesh() as mesh:
            alone = mesh.node("alone").up()
            view = screen(alone, "status", "-w", "0.2")
            wait_for(10, "two frames", lambda: len(view.frames()) >= 2)
            alone.down()
            view.read(0.5)
            self.assertEqual(view.process.wait(timeout=15), 3)
            self.assertIn(b"no agent is running", view.process.stderr.read())
            self.assertEqual(view.end(signal.SIGCONT), 3)
            self.assertTrue(view.echo_after)
            self.assertTrue(view.bytes.rstrip(b"\r\n").endswith(b"\x1b[?25h"))


class a_line_that_is_declared_slow(unittest.TestCase):
    def test_bulk_is_refused_on_it_with_the_reason_and_everything_else_goes(self):
        with Mesh() as mesh:
            nas = mesh.node("nas", media=["unix"], listen=["unix:" + mesh.path("nas.sock")]).up()
            laptop = mesh.node("laptop", media=["unix"]).up()
            join(nas, laptop)
            laptop.down()
            os.rename(mesh.path("nas.sock"), mesh.path("line.sock")) # where the nas says it listens nobody reaches it any more
            laptop.flags += ["--peer", f"unix:{mesh.path('line.sock')}?class=control"]
            laptop.up()
            wait_for(15, "the laptop to see the nas over the line", lambda: laptop.sees("nas"))
            link = next(each for each in laptop.ask("links") if each["state"] == "up")
            self.assertEqual(link["class"], "control")
            self.assertRegex(link["why"], r"^declared by the transport: its URI says so; RTT ")
            control, interactive, bulk = laptop.ask("routes", "--why", "nas")["classes"]
            for each in (control, interactive):
                self.assertEqual(each["link"], link["id"])
            self.assertIsNone(bulk["next"])
            refused = f"bulk is refused over control link {link['id']} "
            self.assertIn(refused, bulk["why"])
            self.assertIn(refused, bulk["ways"][0]["why"])
            self.assertIn(refused, laptop.glow("routes", "--why", "nas"))
            hop, = laptop.ask("trace", "nas")["hops"]
            self.assertEqual((hop["class"], hop["link"]), ("control", link["channel"]))


    def test_over_tcp_both_ends_keep_to_what_one_owner_said(self):
        with Mesh() as mesh:
            nas = mesh.node("nas", media=["tcp"], listen=["tcp://127.0.0.1:0"]).up()
            # where nobody dials the laptop by tcp: a link that the nas begins is not what the laptop's owner spoke of
            laptop = mesh.node("laptop", media=["tcp", "unix"], listen=["unix:" + mesh.path("laptop.sock")]).up()
            join(nas, laptop)
            place = next(each["channel"] for each in laptop.ask("links") if each["state"] == "up")
            for parameters, link_class, bulk in (("?class=control", "control", False), ("?class=control&bulk=yes", "control", True),
                                                 ("?bulk=no", None, False)):
                for each in laptop.ask("links"):
                    laptop.glow("link", "rm", str(each["id"]))
                laptop.glow("link", "add", place + parameters)

                def as_said(node):
                    up = [each for each in node.ask("links") if each["state"] == "up"]
                    return len(up) == 1 and up[0]["bulk"] == bulk and link_class in (None, up[0]["class"])
                wait_for(20, f"{parameters} to hold at both ends", lambda: as_said(laptop) and as_said(nas))
                for node, other in ((laptop, "nas"), (nas, "laptop")):
                    wait_for(10, "the bulk way to follow", lambda node=node, other=other:
                             (node.ask("routes", "--why", other)["classes"][2]["next"] is not None) == bulk)
            laptop.glow("link", "add", place + "?bulk=perhaps", status=2)


class observability(reading):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh()
        cls.addClassCleanup(cls.mesh.__exit__, None, None, None)
        cls.laptop, cls.nas, cls.vps = cls.mesh.three()

    @unittest.skipIf(text_string_to_metric_families is None, "SKIPPED: needs python3-prometheus-client, whose parser is strict")
    def test_the_metrics_are_openmetrics_as_prometheus_reads_them(self):
        text = self.laptop.glow("metrics")
        self.assertTrue(text.endswith("# EOF\n"))
        document = self.laptop.ask("metrics")
        self.assertEqual(document["content_type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(document["text"].endswith("# EOF\n"))
        families = {family.name: family for family in text_string_to_metric_families(text)}
        self.assertEqual(families["glow_link_bytes"].type, "counter")
        self.assertEqual(families["glow_link_bytes"].unit, "bytes")
        self.assertEqual(families["glow_link_rtt_seconds"].type, "histogram")
        for name in ("glow_link", "glow_build", "glow_router_packets", "glow_router_dropped_packets", "glow_endpoint_requests",
                     "glow_endpoint_request_seconds", "glow_endpoint_packets_resent", "glow_actor_restarts", "glow_actor_waiting_messages",
                     "process_resident_memory_bytes", "glow_uptime_seconds"):
            self.assertIn(name, families)
            self.assertTrue(families[name].samples, name)

    def test_what_is_carried_is_counted_where_it_is_carried(self):
        before = {node.name: self.samples(node) for node in (self.laptop, self.nas, self.vps)}
        for _ in range(20):
            self.laptop.glow("ping", "vps", "-c", "1")
        after = {node.name: self.samples(node) for node in (self.laptop, self.nas, self.vps)}

        def grown(node, name, **labels):
            return self.total(after[node], name, **labels) - self.total(before[node], name, **labels)
        self.assertGreaterEqual(grown("laptop", "glow_link_packets_total", peer="nas", direction="out"), 20)
        self.assertGreaterEqual(grown("laptop", "glow_link_bytes_total", peer="nas", direction="in"), 20 * 25)
        self.assertGreaterEqual(grown("nas", "glow_router_packets_total", **{"class": "interactive", "way": "forwarded"}), 40)
        self.assertGreaterEqual(grown("vps", "glow_endpoint_served_requests_total"), 20)
        self.assertEqual(grown("nas", "glow_router_dropped_packets_total", reason="no_route"), 0)
        self.assertGreater(self.total(after["laptop"], "glow_link_rtt_seconds_count"), 0)
        self.assertGreater(self.total(after["laptop"], "process_resident_memory_bytes"), 1 << 20)
        self.assertGreaterEqual(self.total(after["laptop"], "glow_router_reachable_nodes", table="bulk"), 2)
        status = self.laptop.rss_kib() * 1024
        self.assertLess(abs(self.total(after["laptop"], "process_resident_memory_bytes") - status), 8 << 20)

    def test_requests_are_counted_by_outcome(self):
        def answered():
            return self.total(self.samples(self.laptop), "glow_endpoint_requests_total", outcome="answered")
        before = answered()
        self.nas.glow("put", "/etc/hostname", f"/observed-{time.time_ns()}")
        wait_for(20, "the laptop to ask for what the nas has written", lambda: answered() > before)

    def test_links_say_why_they_have_their_class(self):
        for node in (self.laptop, self.nas, self.vps):
            for link in node.ask("links"):
                self.assertTrue(link["why"], link)
                if link["state"] == "up":
                    self.assertRegex(link["why"], r"RTT \d+\.\d ms|declared")

    def test_a_live_view_is_drawn_in_place_and_leaves_the_terminal_as_it_was(self):
        for words, shows in ((["links", "-w", "0.2"], "IN/S"), (["status", "-w", "0.2"], "namespace"), (["nodes", "-w", "0.2"], "vps"),
                             (["routes", "-w", "0.2"], "METRIC"), (["routes", "--why", "vps", "-w", "0.2"], "to vps")):
            view = screen(self.laptop, *words)
            wait_for(10, "three frames", lambda view=view: len(view.frames()) >= 3)
            last = view.frames()[-1]
            self.assertIn("every 0.2 s", last[0])
            self.assertIn(shows, "\n".join(last))
            self.assertFalse(echoes(view.master))
            os.write(view.master, b"typed for nobody")
            self.assertEqual(view.end("^C"), 130)
            self.assertNotIn(b"nobody", view.bytes)
            self.assertNotIn(b"^C", view.bytes.rsplit(b"\x1b[J", 1)[1])
            self.assertTrue(view.echo_after)
            self.assertTrue(view.bytes.startswith(b"\x1b[?25l"), view.bytes[:20])
            self.assertTrue(view.bytes.rstrip(b"\r\n").endswith(b"\x1b[?7h\x1b[?25h"), view.bytes[-40:])

    def test_a_live_view_keeps_to_the_terminals_size_when_that_changes(self):
        view = screen(self.laptop, "supervisor-tree", "-w", "600", columns=100, rows=30)
        wait_for(10, "the first frame", lambda: len(view.frames()) == 1)
        self.assertGreater(len(view.frames()[0]), 8)
        view.resize(60, 6) # drawn anew at once, long before the interval is over
        wait_for(10, "a frame of the new size", lambda: len(view.frames()) == 2)
        self.assertEqual(len(view.frames()[1]), 6)
        self.assertRegex(view.frames()[1][-1], r"^… \d+ more lines$")
        self.assertEqual(view.end(signal.SIGTERM), 128 + signal.SIGTERM)
        self.assertTrue(view.bytes.rstrip(b"\r\n").endswith(b"\x1b[?25h"))

    def test_live_rates_are_those_of_the_traffic(self):
        view = screen(self.laptop, "links", "-w", "0.5", columns=300)
        wait_for(10, "two frames", lambda: len(view.frames()) >= 2)
        with open(os.path.join(self.mesh.directory, "big"), "wb") as file:
            file.write(os.urandom(20 << 20))
        self.nas.glow("put", file.name, "/big")
        wait_for(20, "the file to be known here", lambda: self.laptop.ask("ls", "/big"))
        self.laptop.glow("get", "/big", os.path.join(self.mesh.directory, "copy"))
        time.sleep(0.6)
        self.assertIn("MiB", self.columns(view.frames(), "IN/S"))
        view.end("^C")

    @staticmethod
    def columns(frames, title):
        """Everything that stood under a right-aligned heading."""
        out = []
        for frame in frames:
            end = frame[1].index(title) + len(title)
            out += [line[:end].rsplit("  ", 1)[-1] for line in frame[2:]]
        return " ".join(out)

    def test_elsewhere_a_live_view_is_one_text_after_another(self):
        process = self.laptop.start("nodes", "-w", "0.1")
        text = "".join(process.stdout.readline() for _ in range(9)) # two tables of heading and three nodes, a line between
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        self.assertNotIn("\x1b", text)
        lines = text.split("\n")
        self.assertEqual(lines[0], lines[5])
        self.assertEqual(lines[4], "")
        process = self.laptop.start("--json", "links", "-w", "0.1")
        documents = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        self.assertIsNone(documents[0][0]["bytes_in_per_s"])
        self.assertIsInstance(documents[2][0]["bytes_in_per_s"], float)

    def test_an_interval_that_is_none_is_a_usage_error(self):
        for wrong in ("0", "soon", "-1"):
            self.laptop.glow("links", f"--watch={wrong}", status=2)

    def test_a_route_is_explained_per_class(self):
        why = self.laptop.ask("routes", "--why", "vps")
        self.assertEqual([each["class"] for each in why["classes"]], ["control", "interactive", "bulk"])
        for each in why["classes"]:
            self.assertEqual(each["next"], "nas")
            self.assertEqual(each["hops"], 2)
            self.assertEqual(sum(way["taken"] for way in each["ways"]), 1)
            taken = next(way for way in each["ways"] if way["taken"])
            self.assertEqual(taken["metric"], each["metric"])
            self.assertEqual(sum(link["taken"] for link in taken["links"]), 1)
            self.assertRegex(each["why"], r"^via nas by local link \d+ \(.*\): ")
        self.assertIn("via nas by local link", self.laptop.glow("routes", "--why", "vps"))
        self.laptop.glow("routes", "--why", "nobody", status=1)

    def test_a_trace_names_each_hop_with_its_link_its_class_and_its_time(self):
        hops = self.laptop.ask("trace", "vps")["hops"]
        self.assertEqual([hop["node"] for hop in hops], ["nas", "vps"])
        links = [self.laptop.ask("links"), self.nas.ask("links")]
        for hop, known, peer in zip(hops, links, ("nas", "vps")):
            link = next(each for each in known if each["peer"] == peer and each["channel"] == hop["link"])
            self.assertEqual(hop["class"], link["class"])
            self.assertGreater(hop["rtt_ms"], 0)
        self.assertLess(hops[0]["rtt_ms"], 1000)


class a_node_that_is_gone(unittest.TestCase):
    def test_its_trace_fails_in_words_and_its_routes_say_why_there_is_none(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            vps.kill()
            wait_for(20, "the laptop to see it gone", lambda: not laptop.sees("vps"))
            laptop.glow("trace", "vps", status=4)
            self.assertIn("no route to vps", laptop.complaint)
            why = laptop.ask("routes", "--why", "vps")
            for each in why["classes"]:
                self.assertIsNone(each["next"])
                self.assertTrue(each["why"].startswith("no way"), each["why"])
            self.assertIn("no way", laptop.glow("routes", "--why", "vps"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
