"""A stream of which every byte is known: whatever is lost, doubled or changed on the way is seen where it arrives.

Blocks of BLOCK_BYTES: the block's number (8 bytes, big-endian), then always the same random bytes.
"""
import os
import select
import threading
import time

BLOCK_BYTES = 16 << 10
FILLER = os.urandom(BLOCK_BYTES - 8)
READ_BYTES = 1 << 20
END_S = 30  # for the last bytes to arrive after the writer closed its end


class Broken(Exception):
    """The stream is not what was sent; the message says how."""


def block(number):
    return number.to_bytes(8, "big") + FILLER


class Checker:
    """Takes bytes as they arrive, in any pieces. Errors: Broken."""

    def __init__(self):
        self.blocks, self.rest = 0, b""

    def take(self, data):
        data, at = self.rest + data, 0
        while len(data) - at >= BLOCK_BYTES:
            self.compare(data[at:at + BLOCK_BYTES])
            at, self.blocks = at + BLOCK_BYTES, self.blocks + 1
        self.rest = data[at:]

    def compare(self, got):
        if got == block(self.blocks):
            return
        number = int.from_bytes(got[:8], "big")
        if got[8:] != FILLER:
            raise Broken(f"other bytes in block {self.blocks}, after {self.blocks * BLOCK_BYTES} good ones")
        what = f"{number - self.blocks} lost" if number > self.blocks else f"{self.blocks - number} doubled"
        raise Broken(f"block {number} came instead of {self.blocks}: {what}")

    def end(self, blocks_sent):
        """Requires: nothing follows."""
        if self.blocks != blocks_sent or self.rest:
            raise Broken(f"{blocks_sent} blocks were sent, {self.blocks} arrived, and {len(self.rest)} bytes more")


class Flow:
    """Writes numbered blocks into one pipe at a steady rate, checks what comes out of the other, notes when."""

    def __init__(self, entry, outlet, mb_per_s):
        self.entry, self.outlet = entry, outlet
        self.blocks_per_s = mb_per_s * 1e6 / BLOCK_BYTES
        self.sent, self.checker, self.arrivals = 0, Checker(), []
        self.broken, self.stop, self.ended = None, threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self.write, self.read)]
        for each in self.threads:
            each.start()

    def write(self):
        began = time.monotonic()
        try:
            with self.entry:
                while not self.stop.is_set():
                    due = min(int((time.monotonic() - began) * self.blocks_per_s), self.sent + 64)  # what a cut held up, bit by bit
                    while self.sent < due and not self.stop.is_set():
                        self.write_block()
                    time.sleep(0.002)
        except BrokenPipeError:
            self.broken = self.broken or "the writing end broke"

    def write_block(self):
        rest = memoryview(block(self.sent))
        while rest:
            if self.stop.is_set() and len(rest) == BLOCK_BYTES:
                return
            if select.select([], [self.entry], [], 0.2)[1]:
                rest = rest[os.write(self.entry.fileno(), rest[:4096]):]  # as much as a writable pipe surely takes
        self.sent += 1

    def read(self):
        try:
            while data := os.read(self.outlet.fileno(), READ_BYTES):
                self.arrivals.append(time.monotonic())
                self.checker.take(data)
        except Broken as why:
            self.broken = str(why)
        except OSError as why:
            self.broken = self.broken or str(why)
        self.outlet.close()
        self.ended.set()

    def finish(self):
        """Closes the writing end, waits for the rest; None, or what is wrong with the stream."""
        self.stop.set()
        self.threads[0].join(END_S)
        if not self.ended.wait(END_S):
            return self.broken or f"the stream's end did not arrive within {END_S} s"
        if self.broken:
            return self.broken
        try:
            self.checker.end(self.sent)
        except Broken as why:
            return str(why)
        return None
