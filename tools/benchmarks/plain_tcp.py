#!/usr/bin/env python3
"""A raw stream over one plain TCP connection, in the shape of `glow listen` and `glow dial`: what Glow is compared with.

usage: plain_tcp.py listen PORT            the first connection's bytes to stdout
       plain_tcp.py dial ADDRESS PORT      stdin to it
Congestion control is CUBIC. stdin and stdout must be pipes: bytes move without copies (splice(2)).
"""
import os
import socket
import sys
import time

CHUNK_BYTES = 1 << 20
PATIENCE_S = 30


def move(source, sink):
    while os.splice(source, sink, CHUNK_BYTES):
        pass


def dial(address, port):
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection((address, port), timeout=PATIENCE_S)
        except ConnectionRefusedError:  # the other side is not there yet
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def main():
    if sys.argv[1] == "listen":
        listening = socket.create_server(("0.0.0.0", int(sys.argv[2])))
        connection, _ = listening.accept()
        move(connection.fileno(), sys.stdout.fileno())
    else:
        connection = dial(sys.argv[2], int(sys.argv[3]))
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        move(sys.stdin.fileno(), connection.fileno())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):  # until the other side has it all
            pass


if __name__ == "__main__":
    main()
