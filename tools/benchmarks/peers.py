"""The peers of `tools/bench overlay`: what to install, how two daemons of each become one tunnel between bench-PID-a and bench-PID-b.

A peer's `start` returns (programs whose CPU time and memory count, the address of b as a sees it). Configurations are the shortest
that work, with every peer's own defaults for MTU, cipher and threads.
"""
import contextlib
import json
import os
import shutil
import subprocess

from segment import Unusable, run

A, B = "10.90.0.1", "10.90.0.2"  # on the wire
TUNNEL_A, TUNNEL_B = "10.91.0.1", "10.91.0.2"
NO_SERVICES = "/usr/sbin/policy-rc.d"


def write(path, text, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    return path


# ---- installing ------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def services_stay_off():
    """Debian starts a daemon when it installs it, unless this file says no (invoke-rc.d(8))."""
    ours = not os.path.exists(NO_SERVICES)
    if ours:
        write(NO_SERVICES, "#!/bin/sh\nexit 101\n", 0o755)
    try:
        yield
    finally:
        if ours:
            os.unlink(NO_SERVICES)


def missing_of(programs):
    return [name for name in programs if shutil.which(name) is None]


def apt_get(*words):
    return subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=120", *words], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def install(needs):
    """{package: its programs}. Returns {package: why it cannot be had} for those that still are not there."""
    wanted = [package for package, programs in needs.items() if missing_of(programs)]
    if not wanted:
        return {}
    why = {}
    apt_get("update")
    with services_stay_off():
        for package in wanted:  # one by one: one that cannot be had must not keep the others away
            done = apt_get("install", "-y", "--no-install-recommends", package)
            if missing_of(needs[package]):
                said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["apt-get failed"]
                why[package] = said[0][:120] if done.returncode else f"{package} brings no {missing_of(needs[package])[0]}"
            elif shutil.which("systemctl"):
                subprocess.run(["systemctl", "disable", package], capture_output=True)  # nor at the next boot
    return why


# ---- the peers -------------------------------------------------------------------------------------------------

def wireguard_go(net):
    keys = {}
    for host in "ab":
        private = run("wg", "genkey")
        keys[host] = (write(net.directory + f"/wireguard/{host}.key", private), run("wg", "pubkey", input=private).strip())
    daemons = []
    for host, other, address, there, away in (("a", "b", TUNNEL_A, TUNNEL_B, B), ("b", "a", TUNNEL_B, TUNNEL_A, A)):
        name = f"benchwg-{host}"
        daemons.append(net.start(host, "wireguard-go", "-f", name, env={"LOG_LEVEL": "error"}))
        wait_for_interface(net, host, name, daemons[-1])
        net.do(host, "wg", "set", name, "private-key", keys[host][0], "listen-port", 51820, "peer", keys[other][1],
               "allowed-ips", f"{there}/32", "endpoint", f"{away}:51820")
        net.do(host, "ip", "addr", "add", f"{address}/24", "dev", name)
        net.do(host, "ip", "link", "set", name, "mtu", "1420", "up")  # as wg-quick does
    return daemons, TUNNEL_B


def nebula(net):
    at = net.directory + "/nebula"
    os.makedirs(at)
    run("nebula-cert", "ca", "-name", "bench", cwd=at)
    daemons = []
    for host, address in (("a", TUNNEL_A), ("b", TUNNEL_B)):
        run("nebula-cert", "sign", "-name", host, "-ip", f"{address}/24", cwd=at)
        config = {
            "pki": {"ca": f"{at}/ca.crt", "cert": f"{at}/{host}.crt", "key": f"{at}/{host}.key"},
            "static_host_map": {TUNNEL_A: [f"{A}:4242"], TUNNEL_B: [f"{B}:4242"]},
            "lighthouse": {"am_lighthouse": host == "b", "hosts": [] if host == "b" else [TUNNEL_B]},
            "listen": {"host": "0.0.0.0", "port": 4242}, "punchy": {"punch": False}, "tun": {"dev": "nebula0"},
            "logging": {"level": "error"},
            "firewall": {way: [{"port": "any", "proto": "any", "host": "any"}] for way in ("inbound", "outbound")},
        }
        # JSON is YAML
        daemons.append(net.start(host, "nebula", "-config", write(f"{at}/{host}.yml", json.dumps(config))))
    return daemons, TUNNEL_B


def tinc(net):
    at = net.directory + "/tinc"
    for host, address in (("a", TUNNEL_A), ("b", TUNNEL_B)):
        dials = "ConnectTo = b\n" if host == "a" else ""
        write(f"{at}/{host}/tinc.conf", f"Name = {host}\nInterface = tinc0\nAddressFamily = ipv4\n{dials}")
        write(f"{at}/{host}/tinc-up", f"#!/bin/sh\nip addr add {address}/24 dev tinc0\nip link set tinc0 up\n", 0o755)
        write(f"{at}/{host}/hosts/{host}", f"Address = {A if host == 'a' else B}\nSubnet = {address}/32\n")
        run("tincd", "-c", f"{at}/{host}", "-K", "2048", stdin=subprocess.DEVNULL)  # appends the public key to hosts/NAME
    for host, other in ("ab", "ba"):
        shutil.copy(f"{at}/{other}/hosts/{other}", f"{at}/{host}/hosts/{other}")
    daemons = [net.start(host, "tincd", "-c", f"{at}/{host}", "-D", f"--pidfile={at}/{host}/pid") for host in "ba"]
    return daemons, TUNNEL_B


def yggdrasil(net):
    at, daemons = net.directory + "/yggdrasil", []
    for host in "ba":
        config = json.loads(run("yggdrasil", "-genconf", "-json"))
        config.update(Peers=[f"tcp://{B}:7743"] if host == "a" else [], Listen=[f"tcp://{B}:7743"] if host == "b" else [],
                      MulticastInterfaces=[], AdminListen="none", IfName="ygg0")
        path = write(f"{at}/{host}.conf", json.dumps(config))
        daemons.append(net.start(host, "yggdrasil", "-useconffile", path, "-loglevel", "error"))
    return daemons, run("yggdrasil", "-useconffile", f"{at}/b.conf", "-address").strip()


def wait_for_interface(net, host, name, daemon):
    for _ in range(100):
        if name in net.transmitted(host):
            return
        if daemon.process.poll() is not None:
            break
        daemon.process.poll() or net.do(host, "sleep", "0.05")
    raise Unusable(f"{name} does not appear: {daemon.last_words()}")


TOOLS = {"iperf3": ["iperf3"], "iputils-ping": ["ping"], "iproute2": ["ip", "ss"], "nftables": ["nft"], "ethtool": ["ethtool"]}


def require_tools(no_install):
    """What the measurements between namespaces need, installed unless told otherwise."""
    if not no_install:
        install(TOOLS)
    lacking = missing_of([p for programs in TOOLS.values() for p in programs])
    if lacking:
        raise Unusable(f"{', '.join(lacking)} missing: run without --no-install, or install them")


PEERS = {  # name: (what to install, how to start)
    "wireguard-go": ({"wireguard-go": ["wireguard-go"], "wireguard-tools": ["wg"]}, wireguard_go),
    "nebula": ({"nebula": ["nebula", "nebula-cert"]}, nebula),
    "tinc": ({"tinc": ["tincd"]}, tinc),
    "yggdrasil": ({"yggdrasil": ["yggdrasil"]}, yggdrasil),
}
