"""What tools/bench makes its figures of: programs' words, /proc, times of arrival, paths that are slow. And that it explains itself."""
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest

os.environ["GLOW_BENCH_PREFIX"] = f"bench-test-{os.getpid()}-"
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(TOP, "tools", "bench")
sys.path.insert(0, os.path.join(TOP, "tools", "benchmarks"))
import mesh
import numbered
import overlay
import readings
import segment
import streams

LACKING = [p for p in ("ip", "ss", "ping", "ethtool", "nft", "iperf3") if not shutil.which(p)]
if os.geteuid() != 0:
    LACKING.append("root")


def bench(*words):
    return subprocess.run([BENCH, *words], capture_output=True, text=True, timeout=60)


class Help(unittest.TestCase):
    def test_every_measurement_in_namespaces_tells_usage_rows_and_exit_status(self):
        self.assertEqual(bench("--help").returncode, 0)
        for what in ("overlay", "cuts", "stripe"):
            said = bench(what, "--help")
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertIn(f"usage: tools/bench {what}", said.stdout)
            self.assertIn("Exit status", said.stdout)
            self.assertIn(f"tools/bench {what}", bench("--help").stdout)

    def test_an_unknown_option_is_a_usage_error(self):
        self.assertEqual(bench("overlay", "--no-such-option").returncode, 2)

    def test_without_the_programs_it_says_how_to_build_them(self):
        said = bench("overlay", "--bin", "/nowhere")
        self.assertEqual(said.returncode, 1)
        self.assertIn("tools/build release", said.stderr)


class Iperf3(unittest.TestCase):
    def test_what_arrived_counts_in_megabytes(self):
        printed = json.dumps({"end": {"sum_sent": {"bits_per_second": 9e9}, "sum_received": {"bits_per_second": 8e9}}})
        self.assertEqual(readings.iperf3_mb_per_s(printed), 1000)

    def test_its_complaint_is_passed_on(self):
        with self.assertRaisesRegex(readings.Unreadable, "unable to connect"):
            readings.iperf3_mb_per_s('{"start": {}, "error": "unable to connect to server"}')

    def test_no_document_and_a_document_without_the_sum_are_refused(self):
        for printed in ("", "Killed", "{}", '{"end": {}}'):
            with self.assertRaises(readings.Unreadable):
                readings.iperf3_mb_per_s(printed)


class RoundTrips(unittest.TestCase):
    PRINTED = """PING 10.91.0.2 (10.91.0.2) 56(84) bytes of data.
64 bytes from 10.91.0.2: icmp_seq=1 ttl=64 time=0.512 ms
64 bytes from 10.91.0.2: icmp_seq=2 ttl=64 time=1.5 ms
64 bytes from 10.91.0.2: icmp_seq=2 ttl=64 time=9.9 ms (DUP!)
64 bytes from 202:5678::1: icmp_seq=3 ttl=64 time=12 ms

--- 10.91.0.2 ping statistics ---
3 packets transmitted, 3 received, 0% packet loss, time 402ms
rtt min/avg/max/mdev = 0.512/0.700/1.500/0.100 ms
"""

    def test_each_reply_of_ping_counts_once(self):
        self.assertEqual(readings.ping_ms(self.PRINTED), [0.512, 1.5, 12.0])

    def test_replies_that_stayed_out_are_no_round_trips(self):
        document = {"replies": [{"rtt_ms": 0.3}, {"rtt_ms": None}, {"node": "b"}]}
        self.assertEqual(readings.glow_ping_ms(document), [0.3])

    def test_the_99th_percentile_is_a_sample_and_of_few_the_largest(self):
        self.assertEqual(readings.percentile([3, 1, 2], 0.99), 3)
        self.assertEqual(readings.percentile(list(range(1, 1001)), 0.99), 990)
        self.assertEqual(readings.percentile([7], 0.0), 7)
        self.assertIsNone(readings.percentile([], 0.5))

    def test_nothing_has_no_median(self):
        self.assertEqual(readings.summary([]), {"median": None, "p99": None, "count": 0})


class Processes(unittest.TestCase):
    def test_processor_time_is_found_behind_any_program_name(self):
        line = "4711 (a) b (c) S 1 4711 4711 0 -1 4194304 100 0 0 0 250 150 9 9 20 0 1 0 77 1 1 1"
        self.assertEqual(readings.cpu_seconds_of_stat(line), 400 / readings.TICKS_PER_S)

    def test_our_own_time_and_memory_are_read_and_a_gone_process_has_none(self):
        for _ in range(3_000_000):
            pass
        self.assertGreater(readings.cpu_seconds([os.getpid()]), 0)
        self.assertEqual(readings.cpu_seconds([2**22 + 1]), 0)
        self.assertGreater(readings.rss_mb([os.getpid(), 2**22 + 1]), 1)
        self.assertIsNone(readings.rss_mb([]))

    def test_kernel_threads_have_no_memory(self):
        self.assertIsNone(readings.rss_mb_of_status("Name:\tkthreadd\nState:\tS\n"))


class Interfaces(unittest.TestCase):
    def test_the_path_in_use_is_the_one_that_sent_the_most(self):
        def link(name, sent):
            return {"ifname": name, "stats64": {"rx": {"bytes": 1}, "tx": {"bytes": sent}}}

        before = readings.transmitted_bytes(json.dumps([link("lo", 0), link("eth0", 100), link("eth1", 5000)]))
        after = readings.transmitted_bytes(json.dumps([link("lo", 9999), link("eth0", 1000), link("eth1", 5100)]))
        self.assertEqual(readings.busiest(before, after, ["eth0", "eth1"]), ("eth0", 0.9))
        self.assertEqual(readings.busiest(before, before, ["eth0", "eth1"])[1], 0)


class FlowAgain(unittest.TestCase):
    """Bytes arrive every 10 ms, the cut is at 10 s, watching ends at 15 s."""

    @staticmethod
    def arrivals(*silent):
        return [t / 100 for t in range(900, 1501) if not any(begin < t / 100 < end for begin, end in silent)]

    def flow(self, *silent):
        return readings.flow_again_s(10.0, self.arrivals(*silent), 15.0)

    def test_without_a_silence_it_is_at_once(self):
        again, longest = self.flow()
        self.assertEqual(again, 0)
        self.assertAlmostEqual(longest, 0.01)

    def test_a_silence_counts_from_the_cut(self):
        again, longest = self.flow((10, 10.3))
        self.assertAlmostEqual(again, 0.3)
        self.assertAlmostEqual(longest, 0.3)

    def test_what_was_under_way_still_arrives_and_does_not_hide_the_silence(self):
        again, longest = self.flow((10.2, 10.5))
        self.assertAlmostEqual(again, 0.5)
        self.assertAlmostEqual(longest, 0.3)

    def test_a_trickle_between_two_silences_is_no_flow(self):
        again, _ = self.flow((10, 10.4), (10.41, 10.9))
        self.assertAlmostEqual(again, 0.9)

    def test_a_trickle_after_a_long_silence_is_no_flow_either(self):
        again, longest = self.flow((10, 12.5), (12.51, 12.8))
        self.assertAlmostEqual(again, 2.8)
        self.assertAlmostEqual(longest, 2.5)

    def test_a_silence_long_after_has_another_cause(self):
        self.assertEqual(self.flow((13.5, 13.8))[0], 0)

    def test_a_silence_before_the_cut_has_another_cause(self):
        self.assertEqual(self.flow((9.5, 9.8))[0], 0)

    def test_a_silence_that_does_not_end_is_said_so(self):
        again, longest = self.flow((10.1, 99))
        self.assertIsNone(again)
        self.assertAlmostEqual(longest, 4.9)
        self.assertIsNone(readings.flow_again_s(10.0, [], 15.0)[0])


class Numbered(unittest.TestCase):
    """Blocks 0 to 9, in pieces of all sizes."""

    def check(self, blocks, tail=b"", sent=10, piece=5000):
        checker, data = numbered.Checker(), b"".join(blocks) + tail
        for at in range(0, len(data), piece):
            checker.take(data[at:at + piece])
        checker.end(sent)

    def blocks(self, *numbers):
        return [numbered.block(n) for n in numbers or range(10)]

    def test_a_whole_stream_is_whole_in_any_pieces(self):
        for piece in (1000, numbered.BLOCK_BYTES, 1_000_000):
            self.check(self.blocks(), piece=piece)

    def test_what_is_lost_is_seen(self):
        with self.assertRaisesRegex(numbered.Broken, "block 5 came instead of 3: 2 lost"):
            self.check(self.blocks(0, 1, 2, 5, 6, 7, 8, 9))

    def test_what_comes_twice_is_seen(self):
        with self.assertRaisesRegex(numbered.Broken, "block 2 came instead of 3: 1 doubled"):
            self.check(self.blocks(0, 1, 2, 2, 3))

    def test_a_single_changed_lost_or_doubled_byte_is_seen(self):
        good = b"".join(self.blocks())
        at = 3 * numbered.BLOCK_BYTES + 777
        for bad in (good[:at] + bytes([good[at] ^ 1]) + good[at + 1:], good[:at] + good[at + 1:], good[:at] + good[at:at + 1] + good[at:]):
            with self.assertRaisesRegex(numbered.Broken, "other bytes in block 3"):
                self.check([bad])

    def test_an_end_too_early_and_bytes_too_many_are_seen(self):
        with self.assertRaisesRegex(numbered.Broken, "10 blocks were sent, 9 arrived"):
            self.check(self.blocks(*range(9)))
        with self.assertRaisesRegex(numbered.Broken, "and 3 bytes more"):
            self.check(self.blocks(), tail=b"abc")

    def test_a_flow_through_a_pipe_is_whole_and_a_thief_is_caught(self):
        for stolen in (0, 100):
            through, entry = os.pipe()
            outlet, onward = os.pipe()
            flow = numbered.Flow(os.fdopen(entry, "wb", 0), os.fdopen(outlet, "rb", 0), mb_per_s=20)

            def carry(stolen=stolen):
                moved = 0
                with contextlib.suppress(BrokenPipeError):  # nobody reads on once the thief is caught
                    while data := os.read(through, 65536):
                        moved += len(data)
                        if stolen and moved > 3_000_000:
                            data, stolen = data[stolen:], 0
                        os.write(onward, data)
                os.close(onward)
                os.close(through)

            carrier = threading.Thread(target=carry, daemon=True)
            carrier.start()
            time.sleep(0.5)
            said = flow.finish()
            carrier.join(5)
            if stolen:
                self.assertIn("other bytes in block 18", said)
            else:
                self.assertIsNone(said)
                self.assertTrue(4_000_000 < flow.checker.blocks * numbered.BLOCK_BYTES < 12_000_000, flow.checker.blocks)


class Aims(unittest.TestCase):
    ROWS = [{"name": "yggdrasil", "mb_per_s": {"median": 100}, "rtt_ms": {"median": 0.6}},
            {"name": "tinc", "mb_per_s": {"median": 30}, "rtt_ms": {"median": 0.3}},
            {"name": "glow udp: dial", "mb_per_s": {"median": 499}}, {"name": "glow udp: stream", "absent": "not in this build"},
            {"name": "glow tcp: stream", "mb_per_s": {"median": 500}},
            {"name": "glow tcp: forward", "mb_per_s": {"median": 301}},
            {"name": "glow udp: ping", "rtt_ms": {"median": 0.31}}]

    def test_each_is_kept_or_not_or_was_not_measured(self):
        kept = {aim["aim"]: aim["kept"] for aim in overlay.aims_of(self.ROWS)}
        self.assertEqual(kept, {
            "stream over udp": False, "stream over tcp": True, "stream over udp relay": None,
            "forward against yggdrasil's tunnel, three times": True, "small request over udp (ping)": False,
            "small request over udp (requests)": None, "glow ping over udp, against the best peer's": False})

    def test_without_the_peers_nothing_is_claimed(self):
        kept = {aim["aim"]: aim["kept"] for aim in overlay.aims_of([r for r in self.ROWS if r["name"].startswith("glow")])}
        self.assertIsNone(kept["forward against yggdrasil's tunnel, three times"])
        self.assertIsNone(kept["glow ping over udp, against the best peer's"])


@unittest.skipIf(LACKING, f"SKIPPED: network namespaces need {', '.join(LACKING)}")
class Paths(unittest.TestCase):
    """Real namespaces, real packets."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="glow-test.")
        self.addCleanup(self.directory.cleanup)

    def net(self, *hosts):
        return segment.Net(*hosts, directory=self.directory.name)

    def slow(self, net, *more):
        """10.90.0.1 on a and 10.90.0.2 on b, r between them."""
        net.wire("a", "r")
        net.wire("r", "b")
        for number, host in enumerate("ab", 1):
            segment.run("ip", "-n", segment.PREFIX + host, "addr", "add", f"10.90.0.{number}/24", "dev", "eth0")
            net.unoffload(host, "eth0")
        way = net.start("r", os.path.join(mesh.BIN, "glow_bench"), "way", "--left", "eth0", "--right", "eth1", *more)
        net.await_answer("a", "10.90.0.2")
        return way

    def test_a_slow_way_delays_and_passes_no_more_than_its_bottleneck(self):
        with self.net("a", "r", "b") as net:
            way = self.slow(net, "--delay-us", 10_000, "--kb-per-s", 5_000)
            rtt = statistics.median(net.pings_ms("a", "10.90.0.2", 9))
            self.assertTrue(20 <= rtt < 40, rtt)
            rate = streams.mb_per_s(streams.PlainTcp(net, "10.90.0.2"), "a", "b", 3, "")
            self.assertTrue(2 < rate < 5, rate)
            way.end()
            said = json.loads(way.last_words())
            self.assertGreater(said["carried"], 2000)
            self.assertEqual(said["refused"], 0)

    def test_frames_held_back_arrive_later(self):
        with self.net("a", "r", "b") as net:
            self.slow(net, "--delay-us", 1_000, "--held-back-permille", 500, "--held-back-us", 50_000)
            late = [ms for ms in net.pings_ms("a", "10.90.0.2", 20) if ms > 50]
            self.assertTrue(4 <= len(late) <= 20, late)

    def test_what_is_dropped_does_not_arrive_and_arrives_again_afterwards(self):
        with self.net("a", "b") as net:
            net.wire("a", "b", "10.90.0")
            net.await_answer("a", "10.90.0.2")
            net.drop("b", "eth0")
            self.assertEqual(net.pings_ms("a", "10.90.0.2", 2), [])
            net.undrop("b")
            self.assertEqual(len(net.pings_ms("a", "10.90.0.2", 2)), 2)
            net.drop("b", "eth0", "numgen random mod 100 < 50")
            self.assertTrue(2 <= len(net.pings_ms("a", "10.90.0.2", 30)) <= 28)

    def test_cuts_sees_a_silence_of_plain_tcp_and_that_the_stream_is_whole(self):
        said = bench("cuts", "--with", "tcp", "--cuts", "1", "--no-install", "--json", "--bin", mesh.BIN)
        self.assertEqual(said.returncode, 0, said.stderr)
        by_kind = {kind["kind"]: kind for kind in json.loads(said.stdout)["kinds"]}
        for kind in ("down", "blackhole"):
            self.assertTrue(by_kind[kind]["whole"], by_kind[kind])
            self.assertGreater(by_kind[kind]["bytes"], 40_000_000)
            (cut,) = by_kind[kind]["cuts"]
            self.assertEqual(cut["way"], "eth0")
            self.assertTrue(300 <= cut["again_ms"] < 3000, cut)  # restored after 300 ms
        self.assertIn("not tried", by_kind["relay"]["absent"])

    def test_namespaces_and_programs_are_gone_afterwards_even_after_a_failure(self):
        with self.assertRaises(KeyboardInterrupt), self.net("a", "b") as net:
            pid = net.start("a", "sleep", "60").pid
            raise KeyboardInterrupt
        self.assertFalse(mesh.alive(pid))
        self.assertNotIn(segment.PREFIX, segment.run("ip", "netns", "list"))

    def test_a_namespace_in_use_is_left_alone(self):
        with self.net("a") as net:
            sleeper = net.start("a", "sleep", "60")
            with self.assertRaisesRegex(segment.Unusable, "in use"), self.net("a"):
                pass
            self.assertIsNone(sleeper.process.poll())


if __name__ == "__main__":
    if LACKING:
        print(f"SKIPPED: paths in network namespaces need {', '.join(LACKING)}", file=sys.stderr)
    unittest.main(verbosity=2)
