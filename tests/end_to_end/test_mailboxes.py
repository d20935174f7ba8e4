"""Messages to nodes that are off, through kill -9 of everybody involved."""
import json
import os
import socket
import subprocess
import time
import unittest

from mesh import Mesh, join, wait_for, write


def sent(node, message_id):
    """What the sender knows of one of its messages."""
    return next(each for each in node.ask("mailboxes")["sent"] if each["id"] == message_id)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settled(mesh, name):
    """A node at places that stay, so that those who were off meanwhile find it again."""
    places = [f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", f"tcp://127.0.0.1:{free_port(socket.SOCK_STREAM)}"]
    return mesh.node(name, media=["udp", "tcp"], listen=places).up()


def drain(node, box):
    """All messages of a box, as their documents."""
    out = []
    while True:
        text = node.glow("--json", "recv", box, status=None)
        if node.status != 0:
            return out
        out.append(json.loads(text))


class Mailboxes(unittest.TestCase):
    def test_a_message_is_delivered_over_a_relay_and_taken_once(self):
        with Mesh() as mesh:
            laptop, nas, vps = mesh.three()
            line = laptop.glow("send", "--wait=20s", "vps/inbox", stdin="hello\n")
            self.assertTrue(line.endswith(" delivered\n"), line)
            box = vps.ask("mailboxes")["boxes"]
            self.assertEqual([(b["name"], b["messages"], b["bytes"]) for b in box], [("inbox", 1, 6)])
            self.assertEqual(vps.glow("recv", "--peek", "inbox"), "hello\n")
            got = vps.ask("recv", "inbox")
            self.assertEqual((got["from"], got["body"], got["size"], got["id"]), ("laptop", "hello\n", 6, line.split()[0]))
            vps.glow("recv", "inbox", status=1)
            self.assertEqual(len(vps.complaint.strip().splitlines()), 1, vps.complaint)
            began = time.monotonic()
            vps.glow("recv", "inbox", "--timeout", "1s", status=4)
            self.assertLess(time.monotonic() - began, 5)

            body = os.urandom(1 << 20)
            write(mesh.path("body"), body)
            laptop.glow("send", "--wait=60s", "vps/big", mesh.path("body"))
            self.assertEqual(vps.glow("recv", "big", text=False), body)
            laptop.glow("send", "--wait=20s", "vps/raw", stdin=b"\xff\x00", text=False)
            self.assertEqual(vps.ask("recv", "raw")["body_hex"], "ff00")
            laptop.glow("send", "--wait=20s", "laptop/self", stdin="to myself")
            self.assertEqual(laptop.glow("recv", "self"), "to myself")

    def test_what_cannot_be_sent_is_refused_with_a_reason(self):
        with Mesh() as mesh:
            node = mesh.node("solo", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            for words, stdin, status, hint in (
                    (["send", "solo"], "x", 2, "send"), (["send", "solo/Not A Box"], "x", 2, "box"),
                    (["send", "nobody/inbox"], "x", 1, "nobody"), (["send", "solo/inbox", "/does/not/exist"], "", 1, "exist"),
                    (["send", "--for", "soon", "solo/inbox"], "x", 2, "soon"), (["recv", "Not A Box"], "", 2, "box"),
                    (["send", "solo/inbox"], "x" * ((1 << 20) + 1), 2, "glow put")):
                node.glow(*words, stdin=stdin, status=status)
                self.assertIn(hint, node.complaint)
                self.assertEqual(len(node.complaint.strip().splitlines()), 1, node.complaint)
            self.assertEqual(node.ask("mailboxes")["boxes"], [])
            node.glow("send", "--wait=10s", "solo/empty", stdin="")
            self.assertEqual(node.ask("recv", "empty")["size"], 0)

    def test_a_message_to_a_node_that_is_off_arrives_once_although_the_sender_is_off_by_then(self):
        with Mesh() as mesh:
            nas = settled(mesh, "nas")
            laptop = mesh.node("laptop", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            vps = mesh.node("vps", media=["tcp"], listen=["tcp://127.0.0.1:0"]).up()
            join(nas, laptop)
            join(nas, vps)
            wait_for(15, "laptop to see vps", lambda: laptop.sees("vps"))
            vps.kill()
            wait_for(20, "laptop to notice", lambda: not laptop.sees("vps"))
            line = laptop.glow("send", "vps/inbox", stdin="through a custodian")
            self.assertTrue(line.endswith(" waiting: vps is off, 1 custodian\n"), line)
            laptop.kill()
            self.assertEqual(nas.ask("mailboxes")["held_for_others"], 1)
            database = subprocess.run(["grep", "-rc", "through a custodian", nas.home], capture_output=True, text=True).stdout
            self.assertTrue(all(each.endswith(":0") for each in database.split()), "the custodian can read it")
            nas.kill()
            nas.up()  # what it promised to hold survives it, too
            vps.up()
            wait_for(30, "the message", lambda: vps.ask("mailboxes")["boxes"])
            self.assertEqual(vps.glow("recv", "inbox"), "through a custodian")
            wait_for(10, "the custodian to let go", lambda: nas.ask("mailboxes")["held_for_others"] == 0)
            vps.down()  # only the custodian can tell the sender now
            laptop.up()
            wait_for(30, "laptop to be told", lambda: sent(laptop, line.split()[0])["state"] == "delivered")
            vps.up()
            wait_for(30, "all to be there", lambda: vps.sees("laptop") and laptop.sees("vps"))
            time.sleep(2)
            self.assertEqual(drain(vps, "inbox"), [])

    def test_kill_minus_nine_of_the_sender_right_after_a_send_loses_nothing(self):
        with Mesh() as mesh:
            laptop = mesh.node("laptop", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            nas = settled(mesh, "nas")
            join(laptop, nas)
            wait_for(15, "laptop to see nas", lambda: laptop.sees("nas"))
            nas.kill()
            for turn in range(3):
                for i in range(5):
                    laptop.glow("send", "nas/inbox", stdin=f"{turn}.{i}")
                laptop.kill()
                laptop.up()
            nas.up()
            wait_for(30, "all messages", lambda: sum(box["messages"] for box in nas.ask("mailboxes")["boxes"]) == 15)
            self.assertEqual([each["body"] for each in drain(nas, "inbox")], [f"{t}.{i}" for t in range(3) for i in range(5)])
            states = {each["state"] for each in laptop.ask("mailboxes")["sent"]}
            self.assertEqual(states, {"delivered"})
            nas.kill()
            nas.up()  # what was taken does not come back
            wait_for(15, "laptop to see nas", lambda: laptop.sees("nas"))
            self.assertEqual(drain(nas, "inbox"), [])

    def test_a_message_is_not_lost_when_recv_cannot_write_it_or_dies(self):
        with Mesh() as mesh:
            node = mesh.node("solo", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            node.glow("send", "--wait=10s", "solo/inbox", stdin="precious")
            with open("/dev/full", "w") as full:
                done = subprocess.run([node.program, "--home", node.home, "recv", "inbox"], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1, done.stderr)
            node.glow("send", "--wait=10s", "solo/big", stdin="x" * (1 << 20))
            stuck = node.start("recv", "big")  # nobody reads its pipe: it holds the message, and cannot write it
            wait_for(10, "it to hold the message", lambda: "there is no message" in (node.glow("recv", "--peek", "big", status=None), node.complaint)[1])
            stuck.kill()
            stuck.communicate()
            self.assertEqual(len(node.glow("recv", "big")), 1 << 20)
            self.assertEqual(node.glow("recv", "inbox"), "precious")

    def test_follow_prints_messages_as_they_come_through_a_restart_of_the_agent(self):
        with Mesh() as mesh:
            node = mesh.node("solo", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            follower = node.start("--json", "recv", "--follow", "inbox")
            try:
                for i in range(5):
                    if i == 3:
                        node.kill()
                        node.up()
                    node.glow("send", "--wait=10s", "solo/inbox", stdin=str(i))
                    self.assertEqual(json.loads(follower.stdout.readline())["body"], str(i))
                wait_for(10, "the last one to be gone", lambda: node.ask("mailboxes")["boxes"] == [])
            finally:
                follower.kill()
                follower.communicate()

    def test_a_message_that_nobody_fetches_expires(self):
        with Mesh() as mesh:
            laptop = mesh.node("laptop", media=["udp"], listen=["udp://127.0.0.1:0"]).up()
            nas = settled(mesh, "nas")
            join(laptop, nas)
            wait_for(15, "laptop to see nas", lambda: laptop.sees("nas"))
            nas.kill()
            line = laptop.glow("send", "--for", "3s", "--wait", "nas/inbox", stdin="x", status=1)
            self.assertIn("expired", line)
            laptop.glow("send", "--for", "1h", "--wait=1s", "nas/inbox", stdin="y", status=4)
            nas.up()
            wait_for(30, "the message", lambda: nas.ask("mailboxes")["boxes"])
            self.assertEqual([each["body"] for each in drain(nas, "inbox")], ["y"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
