"""The command line where no agent is needed: usage errors, help, exit statuses, names that would harm a terminal.

GLOW_BIN: the directory of the programs.
"""
import os
import subprocess
import tempfile
import unittest

PROGRAMS = os.environ.get("GLOW_BIN", "build/bin")
COMMANDS = ["up", "down", "status", "nodes", "links", "routes", "invite", "join", "ping", "trace", "link", "expel", "put", "get", "ls",
            "cat", "rm", "mv", "log", "restore", "run", "jobs", "job", "cancel", "supervisor-tree", "metrics", "listen", "dial",
            "expose", "forward", "send", "recv", "mailboxes"]


class command_line(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.home = os.path.join(self.directory.name, "home")
        self.addCleanup(self.directory.cleanup)

    def run_program(self, *words, program="glow", text_input=b"", **environment):
        known = {"PATH": os.environ["PATH"], "GLOW_HOME": self.home, "HOME": self.directory.name}
        known.update(environment)
        return subprocess.run([os.path.join(PROGRAMS, program), *words], env=known, input=text_input, capture_output=True, timeout=20,
                              cwd=self.directory.name)

    def fails(self, status, *words, saying="", **more):
        done = self.run_program(*words, **more)
        complaint = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, status, f"{words}: {complaint}")
        self.assertEqual(done.stdout, b"", words)
        self.assertEqual(complaint.count("\n"), 1, f"{words}: not one line: {complaint!r}")
        self.assertTrue(complaint.startswith("glow"), complaint)
        self.assertIn(saying, complaint)

    def test_usage_errors_are_one_line_and_status_2(self):
        self.fails(2)
        self.fails(2, "no-such-command")
        self.fails(2, "--no-such-flag")
        self.fails(2, "share", "/docs", "--with", "bob")
        self.fails(2, "put", saying="glow put --help")
        self.fails(2, "put", "only-one")
        self.fails(2, "put", "a", "b", "c")
        self.fails(2, "put", "", "/a")
        self.fails(2, "put", "-", "/", saying="file's name")
        self.fails(2, "put", "x", "/a/../b", saying="..")
        self.fails(2, "get", "@bob/docs/a.txt", saying="another namespace")
        self.fails(2, "get", "/a", "--timeout", "soon", saying="15m")
        self.fails(2, "invite", "--for", "0", saying="duration")
        self.fails(2, "invite", "--role", "king")
        self.fails(2, "ping", "nas", "-c", "0")
        self.fails(2, "ping", "nas", "-c", "many")
        self.fails(2, "link")
        self.fails(2, "link", "rm", "abc")
        self.fails(2, "run", "--each", "/docs", saying="--")
        self.fails(2, "run", "--each", "/docs", "--", saying="--")
        self.fails(2, "run", "--needs", "mem=lots", "--", "true", saying="cpu=N")
        self.fails(2, "up", "--listen", "not a uri", saying="channel URI")
        self.fails(2, "up", "--listen", "udp://[::1", saying="channel URI")
        self.fails(2, "up", "--name", "two words")
        self.fails(2, "up", "--name", "x" * 64)
        self.assertFalse(os.path.exists(self.home), "a usage error left a home behind")

    def test_without_an_agent_the_status_is_3_and_the_line_says_what_to_do(self):
        say = f"no agent is running in {self.home}: start one with: glow up"
        for words in (["status"], ["nodes"], ["links"], ["routes"], ["invite"], ["join", "glow:x"], ["ping", "nas"], ["trace", "nas"],
                      ["link", "add", "udp://127.0.0.1:1"], ["link", "rm", "1"], ["put", "/etc/hostname", "/a"], ["get", "/a"], ["ls"],
                      ["cat", "/a"], ["rm", "/a"], ["mv", "/a", "/b"], ["log", "/a"], ["restore", "/a@1"], ["run", "--", "true"], ["jobs"],
                      ["job", "x"], ["job", "x", "--follow"], ["cancel", "x"], ["supervisor-tree"], ["metrics"],
                      ["routes", "--why", "nas"], ["links", "-w"], ["send", "nas/x", "/etc/hostname"], ["recv", "x"], ["mailboxes"],
                      ["dial", "nas/x"], ["expose", "x", "1.2.3.4:5"], ["forward", "0", "nas/x"], ["down"], ["expel", "nas"]):
            self.fails(3, *words, saying=say)
            self.fails(3, *words[:1], "--json", *words[1:], saying=say) if words[0] not in ("link", "run") else None
        self.fails(3, "tree", program="glow-shell", saying=say)

    def test_the_home_is_where_the_flag_or_the_environment_says(self):
        self.fails(3, "--home", "/tmp/one", "status", saying="in /tmp/one:")
        self.fails(3, "status", "--home", "relative/../two", saying=f"in {self.directory.name}/two:")
        self.fails(3, "status", GLOW_HOME="", XDG_STATE_HOME="/tmp/state", saying="in /tmp/state/glow:")
        self.fails(3, "status", GLOW_HOME="", saying=f"in {self.directory.name}/.local/state/glow:")

    def test_a_missing_file_is_told_before_the_agent_is_asked(self):
        self.fails(1, "put", "missing", "/a", saying="missing: No such file")
        self.fails(1, "put", "new\nline", "/a", saying="new\\nline")

    def test_every_command_has_help_with_examples_and_exit_statuses(self):
        for command in COMMANDS:
            done = self.run_program(command, "--help")
            text = done.stdout.decode()
            self.assertEqual(done.returncode, 0, command)
            self.assertEqual(done.stderr, b"", command)
            self.assertIn("Usage: glow " + command, text)
            self.assertIn("Examples:\n  ", text)
            self.assertIn("Exit status: 0 done", text)
            for line in text.split("\n"):
                self.assertLessEqual(len(line), 132, line)
        overview = self.run_program("--help").stdout.decode()
        for command in COMMANDS:
            self.assertRegex(overview, rf"(?m)^ +{command} ")
        for later in ("share", "publish", "folder"):
            self.assertNotRegex(overview, rf"(?m)^ +{later} ")

    def test_every_program_tells_its_version(self):
        for program in ("glow", "glow-shell", "glowd"):
            done = self.run_program("--version", program=program)
            self.assertEqual(done.returncode, 0, program)
            self.assertRegex(done.stdout.decode(), rf"^{program} \d+\.\d+\.\d+\n$")

    def test_the_shell_checks_its_words(self):
        self.fails(2, "--no-such-flag", program="glow-shell")
        self.fails(2, "dance", program="glow-shell")
        self.fails(2, "state", program="glow-shell", saying="takes one PATH")
        self.assertIn(b"usage: glow-shell", self.run_program("--help", program="glow-shell").stdout)
        done = self.run_program(program="glow-shell", text_input=b"# a comment\n\ndance\nexit\n")
        self.assertEqual(done.returncode, 2)

    def test_a_config_file_with_a_mistake_is_refused_with_its_line(self):
        os.makedirs(self.home, mode=0o700)
        for text, line, saying in (("name = 3\n", 1, "string"), ("discovery = true\nspeed = 1\n", 2, "unknown key"),
                                   ("listen = 'udp://x:1'\n", 1, "list"), ("name = \n", 1, ""), ("peer = ['nonsense']\n", None, "channel URI")):
            with open(os.path.join(self.home, "config.toml"), "w", encoding="utf-8") as config:
                config.write(text)
            where = f"config.toml:{line}: " if line else "config.toml"
            done = self.run_program(program="glowd")
            complaint = done.stderr.decode()
            self.assertEqual(done.returncode, 2, complaint)
            self.assertIn(where, complaint)
            self.assertIn(saying, complaint)

    def test_an_agent_that_cannot_start_is_reported_by_up_with_the_last_line_of_its_log(self):
        os.makedirs(self.home, mode=0o700)
        lock = open(os.path.join(self.home, "config.toml"), "w", encoding="utf-8")
        lock.write("speed = 1\n")
        lock.close()
        self.fails(1, "up", saying="unknown key 'speed'")

    def test_output_that_nobody_reads_is_no_crash(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([os.path.join(PROGRAMS, "glow"), "--help"], stdout=write_end, stderr=subprocess.PIPE, timeout=20)
        os.close(write_end)
        self.assertGreaterEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
