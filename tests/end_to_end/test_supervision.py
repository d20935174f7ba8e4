"""Any single actor may die at any time: its supervisor brings it back, and the mesh works on."""
import os
import subprocess
import unittest

from mesh import BIN, Mesh, same_tree, wait_for, write

SHELL = os.path.join(BIN, "glow-shell")


def children(tree):
    """All actors below the root."""
    for each in tree["children"]:
        yield each
        yield from children(each)


def successor(victim, before, now):
    """The actor that took the victim's place: a link anew under another number, anything else under a raised counter."""
    if victim.startswith("node/links/"):
        return [e["path"] for e in now if e["path"].startswith("node/links/") and e["path"] not in before]
    counted = "node/jobs" if victim == "node/jobs/worker" else victim  # jobs and its worker live and die together
    return [e["path"] for e in now if e["path"] == counted and e["restarts"] > before[counted]["restarts"] and e["state"] == "running"]


class Supervision(unittest.TestCase):
    def test_each_actor_of_the_relay_may_be_killed_and_the_mesh_works_on(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            victims = [each["path"] for each in children(nas.ask("supervisor-tree"))]
            for name in ("namespace", "router", "endpoint", "store", "jobs", "mail", "links", "transports", "control", "jobs/worker",
                         "transports/udp", "transports/tcp"):
                self.assertIn(f"node/{name}", victims)
            self.assertTrue(any(v.startswith("node/links/link-") for v in victims), victims)
            for number, victim in enumerate(victims):
                before = {e["path"]: e for e in children(nas.ask("supervisor-tree"))}
                if victim not in before:
                    continue  # a link that was replaced meanwhile has another name
                done = subprocess.run([SHELL, "--home", nas.home, "quit", victim], capture_output=True, text=True, timeout=30)
                if victim != "node/control":  # whose death is its own answer
                    self.assertEqual(done.returncode, 0, done.stderr)
                wait_for(20, f"{victim} to be started again", lambda: successor(victim, before, children(nas.ask("supervisor-tree"))))
                wait_for(20, f"nas to answer after {victim} was killed", lambda: nas.ask("status"))
                took = wait_for(20, f"vps to see laptop after {victim} was killed", lambda: vps.sees("laptop") and laptop.sees("vps"))
                print(f"{victim}: healed, seen after {took:.2f} s")
                data = os.urandom(50_000)
                write(mesh.path("f"), data)
                wait_for(20, "laptop to put", lambda: laptop.glow("put", mesh.path("f"), f"/f{number}"))
                wait_for(20, f"vps to get after {victim} was killed",
                         lambda: vps.glow("get", "--timeout", "3s", f"/f{number}", mesh.path(f"copy{number}")))
                self.assertEqual(same_tree(mesh.path("f"), mesh.path(f"copy{number}")).stdout, "")
            # the relay's own store and jobs work too
            wait_for(20, "nas to run a job", lambda: nas.glow("run", "--", "true"))
            self.assertEqual(nas.ask("status")["agent"]["pid"], nas.pid, "the agent itself was never restarted")


if __name__ == "__main__":
    unittest.main(verbosity=2)
