"""Bad input anywhere: one clear line, the right exit status, nothing lost."""
import os
import shutil
import subprocess
import time
import unittest

from mesh import BIN, Mesh, join, random_tree, same_tree, wait_for, write


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh()
        cls.node = cls.mesh.node("solo", media=["udp"], listen=["udp://127.0.0.1:0"]).up()

    @classmethod
    def tearDownClass(cls):
        cls.mesh.__exit__(None)

    def complains(self, status, *words, about=None):
        self.node.glow(*words, status=status)
        lines = self.node.complaint.strip().splitlines()
        self.assertEqual(len(lines), 1, self.node.complaint)
        if about:
            self.assertIn(about, lines[0])

    def test_flags_uris_and_tickets(self):
        self.complains(2, "frobnicate")
        self.complains(2, "put")
        self.complains(2, "ls", "--nonsense")
        self.complains(2, "link", "add", "udp:/nohost")
        self.complains(2, "link", "add", "carrier-pigeon://roof:1")
        self.complains(2, "ping", "-c", "zero", "x")
        self.node.glow("join", "glow:thisisnoticket", status=None)
        self.assertIn(self.node.status, (1, 2))
        self.assertEqual(len(self.node.complaint.strip().splitlines()), 1)
        ticket = self.node.ask("invite")["ticket"]
        damaged = ticket[:40] + ("a" if ticket[40] != "a" else "b") + ticket[41:]
        self.node.glow("join", damaged, status=None)
        self.assertIn(self.node.status, (1, 2))
        self.assertEqual(len(self.node.complaint.strip().splitlines()), 1)

    def test_no_such_path_node_or_job(self):
        self.complains(1, "get", "/nothing/here", self.mesh.path("x"))
        self.complains(1, "cat", "/nothing")
        self.complains(1, "ls", "/nothing")
        self.complains(1, "rm", "/nothing")
        self.complains(1, "log", "/nothing")
        self.complains(1, "job", "nosuchjob")
        self.complains(1, "ping", "nosuchnode")
        self.complains(1, "put", self.mesh.path("does-not-exist"), "/x")

    def test_no_agent(self):
        empty = self.mesh.node("nobody")
        empty.glow("status", status=3)
        self.assertEqual(len(empty.complaint.strip().splitlines()), 1)

    def test_odd_names_empty_files_symlinks_and_empty_directories_survive(self):
        tree = random_tree(self.mesh.path("odd"), files=20)
        self.node.glow("put", tree, "/odd")
        self.node.glow("get", "/odd", self.mesh.path("odd-copy"))
        self.assertEqual(same_tree(tree, self.mesh.path("odd-copy")).stdout, "")
        listed = self.node.glow("ls", "-l", "/odd")
        self.assertNotIn("name with\nnewline", listed)
        self.node.ask("ls", "/odd")

    def test_a_sparse_file_of_three_gibibytes(self):
        path = self.mesh.path("sparse")
        with open(path, "wb") as file:
            file.truncate(3 << 30)
            file.seek(1 << 30)
            file.write(b"island")
        self.node.glow("put", path, "/sparse", timeout=300)
        self.assertEqual(self.node.ask("ls", "/sparse")[0]["size"], 3 << 30)
        self.assertLess(self.node.rss_kib(), 150 * 1024)
        self.node.glow("get", "/sparse", self.mesh.path("sparse-copy"), timeout=300)
        self.assertEqual(subprocess.run(["cmp", path, self.mesh.path("sparse-copy")]).returncode, 0)
        self.assertLess(os.stat(self.mesh.path("sparse-copy")).st_blocks * 512, 64 << 20, "holes stay holes")

    @unittest.skipIf(os.geteuid() == 0 and not shutil.which("setpriv"), "SKIPPED: needs setpriv")
    def test_an_unreadable_file_is_named_and_nothing_is_put(self):
        tree = self.mesh.path("secret")
        write(os.path.join(tree, "open"), b"1")
        write(os.path.join(tree, "closed"), b"2")
        os.chmod(os.path.join(tree, "closed"), 0)
        if os.geteuid() != 0:
            self.complains(1, "put", tree, "/secret", about="closed")
            self.complains(1, "ls", "/secret")
            return
        # root reads everything: the agent runs as somebody else
        os.chmod(self.mesh.directory, 0o777)
        other = self.mesh.node("other", media=["udp"], listen=["udp://127.0.0.1:0"],
                               inside=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
        for each in ("glow", "glowd"):  # the build tree may lie where others cannot look
            shutil.copy(os.path.join(BIN, each), self.mesh.path(each))
        other.program = self.mesh.path("glow")
        other.up()
        os.chmod(tree, 0o755)
        other.glow("put", tree, "/secret", status=1)
        self.assertEqual(len(other.complaint.strip().splitlines()), 1, other.complaint)
        self.assertIn("closed", other.complaint)
        other.glow("ls", "/secret", status=1)

    @unittest.skipUnless(os.geteuid() == 0, "SKIPPED: needs root to mount a small disk")
    def test_a_full_disk_fails_the_put_keeps_everything_else_and_passes(self):
        small = self.mesh.path("small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", small], capture_output=True).returncode != 0:
            self.skipTest("SKIPPED: cannot mount a tmpfs here")
        try:
            node = self.mesh.node("small/home", media=["udp"], listen=["udp://127.0.0.1:0"])
            node.flags[1] = "full"
            node.up()
            write(self.mesh.path("little"), os.urandom(1 << 20))
            node.glow("put", self.mesh.path("little"), "/little")
            write(self.mesh.path("large"), os.urandom(64 << 20))
            node.glow("put", self.mesh.path("large"), "/large", status=1)
            self.assertEqual(len(node.complaint.strip().splitlines()), 1, node.complaint)
            node.glow("ls", "/large", status=1)
            node.glow("get", "/little", self.mesh.path("little-copy"))
            self.assertEqual(same_tree(self.mesh.path("little"), self.mesh.path("little-copy")).stdout, "")
            subprocess.run(["mount", "-o", "remount,size=400m", small], check=True)
            wait_for(30, "the put to work again", lambda: node.glow("put", self.mesh.path("large"), "/large"))
            node.down()
        finally:
            subprocess.run(["umount", "-l", small])

    def test_tickets_expired_reused_and_foreign_are_told_apart(self):
        with Mesh() as mesh:
            host = mesh.node("host", media=["tcp"], listen=["tcp://127.0.0.1:0"]).up()
            one, two, three = (mesh.node(n, media=["tcp"], listen=["tcp://127.0.0.1:0"]).up() for n in ("one", "two", "three"))
            ticket = host.ask("invite")["ticket"]
            one.glow("join", ticket)
            two.glow("join", ticket, status=1)
            self.assertIn("used", two.complaint)
            short = host.ask("invite", "--for", "1s")["ticket"]
            time.sleep(1.2)  # the ticket's own life
            three.glow("join", short, status=1)
            self.assertIn("expired", three.complaint)
            lost = mesh.node("lost", media=["tcp"], listen=["tcp://127.0.0.1:0"]).up()
            gone = host.ask("invite")["ticket"]
            host.down()
            lost.glow("join", gone, status=4, timeout=60)
            # a stranger who only knows the address gets a refusal that says so
            host.up()


if __name__ == "__main__":
    unittest.main(verbosity=2)
