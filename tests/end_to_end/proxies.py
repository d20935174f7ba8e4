"""Small SOCKS5 and HTTP CONNECT proxies for tests: one process, one thread a connection. Counts what it carried.

usage: python3 proxies.py socks5|http HOST PORT [USER PASSWORD]      prints "ready", then a line for each connection
"""
import base64
import socket
import sys
import threading


class Refused(Exception):
    """The client is told no, in the proxy's protocol; the message is the answer's bytes."""


def read_exactly(client, count):
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise ConnectionError("the client went away")
        data += more
    return data


def accept_socks5(client, credentials):
    """Speaks RFC 1928 up to the request; returns (host, port, what to answer on success, on failure)."""
    if read_exactly(client, 1) != b"\x05":
        raise Refused(b"\x05\xff")
    methods = read_exactly(client, read_exactly(client, 1)[0])
    wanted = 2 if credentials else 0
    if wanted not in methods:
        raise Refused(b"\x05\xff")
    client.sendall(bytes([5, wanted]))
    if credentials:
        given = []
        read_exactly(client, 1)
        for _ in range(2):
            given.append(read_exactly(client, read_exactly(client, 1)[0]).decode())
        if given != credentials:
            raise Refused(b"\x01\x01")
        client.sendall(b"\x01\x00")
    _, command, _, kind = read_exactly(client, 4)
    if command != 1 or kind not in (1, 3, 4):
        raise Refused(b"\x05\x07\x00\x01" + bytes(6))
    if kind == 3:
        host = read_exactly(client, read_exactly(client, 1)[0]).decode()
    else:
        host = socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, read_exactly(client, 4 if kind == 1 else 16))
    port = int.from_bytes(read_exactly(client, 2), "big")
    return host, port, b"\x05\x00\x00\x01" + bytes(6), b"\x05\x05\x00\x01" + bytes(6)


def accept_http(client, credentials):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(client, 1)
    request, *fields = head.decode().split("\r\n")
    method, target, _ = request.split(" ")
    given = [f.split(": Basic ")[1] for f in fields if f.lower().startswith("proxy-authorization: basic ")]
    if credentials and given != [base64.b64encode(":".join(credentials).encode()).decode()]:
        raise Refused(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\"\r\n\r\n")
    if method != "CONNECT":
        raise Refused(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
    host, port = target.rsplit(":", 1)
    return host.strip("[]"), int(port), b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n", b"HTTP/1.1 502 Bad Gateway\r\n\r\n"


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for each in (source, sink):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, accept, credentials):
    with client:
        try:
            host, port, success, failure = accept(client, credentials)
        except Refused as why:
            return client.sendall(why.args[0])
        except (ConnectionError, ValueError):
            return
        print(f"asked for {host}:{port}", flush=True)
        try:
            peer = socket.create_connection((host, port), timeout=5)
        except OSError:
            return client.sendall(failure)
        peer.settimeout(None)
        with peer:
            client.sendall(success)
            back = threading.Thread(target=pump, args=(peer, client), daemon=True)
            back.start()
            pump(client, peer)
            back.join()


def main(kind, host, port, *credentials):
    accept = {"socks5": accept_socks5, "http": accept_http}[kind]
    with socket.create_server((host, int(port))) as listener:
        print("ready", flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, accept, list(credentials)), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
