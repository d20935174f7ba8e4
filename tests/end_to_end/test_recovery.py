"""What a person would see when machines die and come back."""
import fcntl
import os
import socket
import struct
import threading
import time
import unittest

from mesh import Mesh, alive, random_tree, same_tree, wait_for, write

F_OFD_SETLK = 37  # fcntl(2); the module has no name for it
BIG_BYTES = 120 << 20  # so long on its way that a kill meets it there


def ended(command):
    """Waits for a command in the background; its exit status and what it complained of."""
    _, complaint = command.communicate(timeout=90)
    return command.returncode, complaint


class Recovery(unittest.TestCase):
    def test_get_through_a_relay_fails_cleanly_without_it_and_works_again_when_it_returns(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            tree = random_tree(mesh.path("tree"))
            laptop.glow("put", tree, "/tree")
            wait_for(10, "vps to know /tree", lambda: vps.glow("ls", "/tree"))
            vps.glow("get", "/tree", mesh.path("copy"))
            self.assertEqual(same_tree(tree, mesh.path("copy")).stdout, "")

            write(mesh.path("late"), os.urandom(700_000))
            laptop.glow("put", mesh.path("late"), "/late")
            wait_for(10, "vps to know /late", lambda: vps.glow("ls", "/late"))
            nas.down()
            began = time.monotonic()
            vps.glow("get", "--timeout", "3s", "/late", mesh.path("late-copy"), status=4)
            self.assertLess(time.monotonic() - began, 6)
            self.assertEqual(len(vps.complaint.strip().splitlines()), 1, vps.complaint)
            self.assertFalse(os.path.exists(mesh.path("late-copy")))

            nas.up()
            took = wait_for(10, "vps to see laptop again", lambda: vps.sees("laptop"))
            print(f"routes came back {took:.2f} s after nas did")
            self.assertLess(took, 2)
            vps.glow("get", "--timeout", "10s", "/late", mesh.path("late-copy"))
            self.assertEqual(same_tree(mesh.path("late"), mesh.path("late-copy")).stdout, "")

    def test_kill_minus_nine_of_the_relay_is_healed_too(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            nas.kill()
            wait_for(15, "vps to notice", lambda: not vps.sees("laptop"))
            nas.up()
            took = wait_for(10, "vps to see laptop again", lambda: vps.sees("laptop"))
            print(f"routes came back {took:.2f} s after nas did")
            self.assertLess(took, 2)

    def test_an_agent_starts_although_the_killed_one_still_accepts_for_a_moment(self):
        """A big process dies slowly: its lock and socket may outlive the kill, take a connection, and be gone at the next."""
        with Mesh() as mesh:
            node = mesh.node("solo", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            node.down()
            dying = socket.socket(socket.AF_UNIX)
            place = os.path.join(node.home, "control.sock")
            if os.path.exists(place):
                os.unlink(place)
            dying.bind(place)
            dying.listen(1)
            lock = os.open(os.path.join(node.home, "lock"), os.O_RDWR | os.O_CREAT)
            fcntl.fcntl(lock, F_OFD_SETLK, struct.pack("hhxxxxqqixxxx", fcntl.F_WRLCK, 0, 0, 0, 0))

            def die_at_the_first_connection():
                taken, _ = dying.accept()
                dying.close()
                os.close(lock)
                taken.close()

            death = threading.Thread(target=die_at_the_first_connection)
            death.start()
            node.up()
            death.join()
            self.assertTrue(alive(node.pid))

    def test_kill_minus_nine_during_put_loses_nothing_acknowledged_and_shows_nothing_half_written(self):
        with Mesh() as mesh:
            node = mesh.node("solo", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            random_tree(mesh.path("first"))
            node.glow("put", mesh.path("first"), "/first")
            write(mesh.path("big"), os.urandom(40 << 20))
            for delay in (0.02, 0.1, 0.25):
                putting = node.start("put", mesh.path("big"), "/big")
                time.sleep(delay)  # anywhere within the put
                node.kill()
                acknowledged = ended(putting)[0] == 0
                node.up()
                names = [e["name"] for e in node.ask("ls", "/")]
                self.assertIn("first", names)
                if acknowledged:
                    self.assertIn("big", names)
                if "big" in names:
                    node.glow("get", "/big", mesh.path("big-copy"))
                    self.assertEqual(same_tree(mesh.path("big"), mesh.path("big-copy")).stdout, "")
                    break
            node.glow("put", mesh.path("big"), "/big")
            node.glow("get", "/first", mesh.path("first-copy"))
            self.assertEqual(same_tree(mesh.path("first"), mesh.path("first-copy")).stdout, "")
            node.glow("get", "/big", mesh.path("big-again"))
            self.assertEqual(same_tree(mesh.path("big"), mesh.path("big-again")).stdout, "")

    def put_on_laptop_and_kill(self, victim_name):
        """What was acknowledged before the kill, or in spite of it, is there for everybody; nothing else is, and nothing by half."""
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            victim = {"laptop": laptop, "nas": nas, "vps": vps}[victim_name]
            random_tree(mesh.path("first"))
            laptop.glow("put", mesh.path("first"), "/first")
            write(mesh.path("big"), os.urandom(BIG_BYTES))
            putting = laptop.start("put", mesh.path("big"), "/big")
            time.sleep(0.15)
            self.assertIsNone(putting.poll(), "the put was over before the kill: the file is too small")
            victim.kill()
            status, complaint = ended(putting)
            acknowledged = status == 0
            if victim is not laptop:
                self.assertTrue(acknowledged, "a put needs no other node: " + complaint)
            victim.up()
            wait_for(20, "vps to see laptop", lambda: vps.sees("laptop") and laptop.sees("vps"))
            if acknowledged:
                wait_for(20, "vps to know /big", lambda: vps.glow("ls", "/big"))
            for node in (laptop, vps):
                names = [e["name"] for e in node.ask("ls", "/")]
                self.assertIn("first", names)
                if "big" in names:
                    node.glow("get", "--timeout", "60s", "/big", mesh.path(f"big-{node.name}"))
                    self.assertEqual(same_tree(mesh.path("big"), mesh.path(f"big-{node.name}")).stdout, "")
            vps.glow("get", "--timeout", "60s", "/first", mesh.path("first-copy"))
            self.assertEqual(same_tree(mesh.path("first"), mesh.path("first-copy")).stdout, "")

    def test_a_put_whose_agent_is_killed_is_whole_or_absent_for_the_mesh(self):
        self.put_on_laptop_and_kill("laptop")

    def test_a_put_does_not_mind_the_kill_of_the_relay(self):
        self.put_on_laptop_and_kill("nas")

    def test_a_put_does_not_mind_the_kill_of_another_member(self):
        self.put_on_laptop_and_kill("vps")

    def get_on_vps_and_kill(self, victim_name):
        """The get either outlives the kill or fails with one line; no half file stands under its name, and the next get is whole."""
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            victim = {"laptop": laptop, "nas": nas, "vps": vps}[victim_name]
            write(mesh.path("big"), os.urandom(BIG_BYTES))
            laptop.glow("put", mesh.path("big"), "/big")
            wait_for(10, "vps to know /big", lambda: vps.glow("ls", "/big"))
            getting = vps.start("get", "--timeout", "60s", "/big", mesh.path("copy"))
            time.sleep(0.2)
            self.assertIsNone(getting.poll(), "the get was over before the kill: the file is too small")
            victim.kill()
            victim.up()
            status, complaint = ended(getting)
            succeeded = status == 0
            print(f"the get {'outlived' if succeeded else 'ended with'} the kill of {victim_name}")
            if succeeded:
                self.assertEqual(same_tree(mesh.path("big"), mesh.path("copy")).stdout, "")
            else:
                self.assertFalse(os.path.exists(mesh.path("copy")))
                self.assertEqual(len(complaint.strip().splitlines()), 1)
            wait_for(20, "vps to see laptop", lambda: vps.sees("laptop"))
            vps.glow("get", "--timeout", "60s", "/big", mesh.path("copy2"))
            self.assertEqual(same_tree(mesh.path("big"), mesh.path("copy2")).stdout, "")

    def test_kill_minus_nine_of_the_getter_leaves_no_half_file_under_its_name(self):
        self.get_on_vps_and_kill("vps")

    def test_kill_minus_nine_of_the_relay_during_a_get_leaves_no_half_file(self):
        self.get_on_vps_and_kill("nas")

    def test_kill_minus_nine_of_the_source_during_a_get_leaves_no_half_file(self):
        self.get_on_vps_and_kill("laptop")

    def run_job_and_kill(self, victim_name):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            for i in range(24):
                write(mesh.path(f"in/f{i}"), b"x" * i)
            laptop.glow("put", mesh.path("in"), "/in")
            wait_for(10, "vps to know /in", lambda: vps.glow("ls", "/in"))
            vps.glow("run", "--detach", "--each", "/in", "--out", "/out", "--", "sh", "-c", "sleep 0.3; wc -c {}")
            job = vps.ask("jobs")[0]["id"]
            victim = {"laptop": laptop, "nas": nas, "vps": vps}[victim_name]
            wait_for(30, "some steps to be done", lambda: vps.ask("job", job)["steps"]["done"] >= 2)
            victim.kill()
            victim.up()
            wait_for(90, "the job to complete", lambda: vps.ask("job", job)["state"] == "done")
            self.assertEqual(vps.ask("job", job)["steps"]["done"], 24)
            vps.glow("get", "--timeout", "30s", "/out", mesh.path("out"))
            for i in range(24):
                with open(mesh.path(f"out/f{i}.stdout")) as counted:
                    self.assertEqual(counted.read().split(), [str(i), f"f{i}"])

    def test_a_job_completes_when_a_worker_is_killed(self):
        self.run_job_and_kill("laptop")

    def test_a_job_completes_when_the_relay_is_killed(self):
        self.run_job_and_kill("nas")

    def test_a_job_completes_when_its_coordinator_is_killed(self):
        self.run_job_and_kill("vps")


if __name__ == "__main__":
    unittest.main(verbosity=2)
