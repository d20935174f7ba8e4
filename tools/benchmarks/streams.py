"""Streams between two hosts of segment.py as pipes: bytes go into one and come out of the other.

A carrier is `carry(host, to, name)`: it starts two programs and returns (programs, the pipe into the stream, the pipe out of it).
agents.Agents.dial is one; PlainTcp here is what it is compared with.
"""
import contextlib
import fcntl
import os
import select
import subprocess
import sys
import threading
import time

from segment import Unusable

PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031  # fcntl(2)
FIRST_BYTE_S = 20    # a SYN that is lost twice costs 3 s
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plain_tcp.py")


def as_pipes(listener, dialler):
    for pipe in (listener.process.stdout, dialler.process.stdin):
        fcntl.fcntl(pipe, F_SETPIPE_SZ, PIPE_BYTES)
    return [listener, dialler], dialler.process.stdin, listener.process.stdout


class PlainTcp:
    """One TCP connection per stream, to an address of the other host."""

    def __init__(self, net, address, port=7000):
        self.net, self.address, self.port = net, address, port

    def __call__(self, host, to, _):
        self.port += 1  # the last one may still linger
        listener = self.net.start(to, sys.executable, PROGRAM, "listen", self.port, stdout=subprocess.PIPE)
        return as_pipes(listener, self.net.start(host, sys.executable, PROGRAM, "dial", self.address, self.port, stdin=subprocess.PIPE))


def mb_per_s(carry, host, to, seconds, name, count_cpu=lambda programs: None):
    """What arrives in `seconds` from the first byte on. The pipes are fed and emptied without copies, which costs next to nothing."""
    programs, entry, outlet = carry(host, to, name)
    stop = threading.Event()
    feeder = threading.Thread(target=feed, args=(entry, stop), daemon=True)
    feeder.start()
    try:
        got, took = drain(outlet, seconds)
        count_cpu(programs)
        if got:
            return got / took / 1e6
        complaints = [p.last_words() for p in programs if p.process.poll() not in (None, 0)]
        raise Unusable("; ".join(complaints) or f"no byte came through the stream within {FIRST_BYTE_S} s")
    finally:
        stop.set()
        for program in programs:
            program.end()
        outlet.close()
        feeder.join(5)


def feed(entry, stop):
    """Bytes into the pipe until it is told to stop, or nobody reads them any more."""
    with open(os.memfd_create("bench"), "r+b", buffering=0) as source:
        source.write(os.urandom(PIPE_BYTES))
        with contextlib.suppress(BrokenPipeError), entry:
            while not stop.is_set():
                if select.select([], [entry], [], 0.2)[1]:
                    os.splice(source.fileno(), entry.fileno(), PIPE_BYTES, offset_src=0)


def drain(outlet, seconds):
    """Empties the pipe for `seconds` from the first byte on; (bytes after it, seconds), or (0, 0) when none comes or it ends first."""
    got, first, until = 0, None, time.monotonic() + FIRST_BYTE_S
    with open(os.devnull, "wb") as nothing:
        while (left := until - time.monotonic()) > 0:
            if not select.select([outlet], [], [], left)[0]:
                break
            moved = os.splice(outlet.fileno(), nothing.fileno(), PIPE_BYTES)
            if moved == 0:
                return 0, 0.0
            got += moved
            if first is None:
                first, until, got = time.monotonic(), time.monotonic() + seconds, 0
    return (got, seconds) if first else (0, 0.0)
