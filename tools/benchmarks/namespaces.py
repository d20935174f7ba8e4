"""Command lines of the measurements that need network namespaces: `tools/bench overlay`, `overlay --loss`, `cuts`, `stripe`."""
import argparse
import importlib
import json
import os
import signal
import sys


def between(least, most):
    def whole(word):
        value = int(word)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not {least} … {most}")
        return value
    return whole


def options_of(what, words, bin_dir):
    parser = argparse.ArgumentParser(prog=f"tools/bench {what}", add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bin", default=bin_dir)
    parser.add_argument("--no-install", action="store_true")
    if what == "overlay":
        parser.add_argument("--seconds", type=between(1, 3600), default=5)
        parser.add_argument("--runs", type=between(1, 1000), default=3)
        parser.add_argument("--loss", action="store_true")
        parser.add_argument("--pings", type=between(1, 10_000), default=20 if "--loss" in words else 50)
    if what == "cuts":
        parser.add_argument("--cut", action="append", choices=["down", "blackhole", "relay"])
        parser.add_argument("--cuts", type=between(1, 10_000), default=20)
        parser.add_argument("--rate", type=between(1, 10_000), default=20, metavar="MB")
        parser.add_argument("--transport", choices=["udp", "tcp", "both"], default="udp")
        parser.add_argument("--with", dest="carrier", choices=["glow", "tcp"], default="glow")
    elif what == "stripe":
        parser.add_argument("--seconds", type=between(1, 3600), default=5)
        parser.add_argument("--rate", type=between(1, 1000), default=20, metavar="MB")
        parser.add_argument("--rtt-ms", type=between(1, 1000), default=10, metavar="N")
        parser.add_argument("--mix", action="append", choices=["like", "slower", "lossy", "farther"])
    elif "--loss" in words:
        parser.add_argument("--percent", type=between(0, 99), action="append", metavar="N")
        parser.add_argument("--rtt-ms", type=between(0, 1000), action="append", metavar="N")
        parser.add_argument("--rate", type=between(1, 10_000), default=50, metavar="MB")
        parser.add_argument("--reorder", type=between(0, 99), default=5, metavar="N")
    elif what == "overlay":
        parser.add_argument("--only", action="append")
    options = parser.parse_args(words)
    if what == "cuts":
        options.cut = options.cut or ["down", "blackhole", "relay"]
    elif what == "stripe":
        options.mix = options.mix or ["like", "slower", "lossy", "farther"]
    elif "--loss" in words:
        options.percent, options.rtt_ms = options.percent or [0, 1, 5, 20], options.rtt_ms or [0, 20]
    options.bin = os.path.abspath(options.bin)
    return options


def leave(*_):
    raise SystemExit(143)


def main(what, words, bin_dir, table):
    options = options_of(what, words, bin_dir)
    os.environ["GLOW_BIN"] = options.bin  # before mesh.py is read
    os.environ.setdefault("GLOW_BENCH_PREFIX", f"bench-{os.getpid()}-")  # likewise segment.py: measurements may run side by side
    module = importlib.import_module("lossy" if getattr(options, "loss", False) else what)
    if options.help:
        print(module.__doc__.strip())
        return 0
    missing = [name for name in ("glow", "glowd", "glow_bench") if not os.access(os.path.join(options.bin, name), os.X_OK)]
    if missing:
        print(f"tools/bench: {', '.join(missing)} not in {options.bin}: build with tools/build release", file=sys.stderr)
        return 1
    if os.geteuid() != 0:
        print(f"tools/bench {what}: network namespaces need root: run it as root", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, leave)
    from segment import Unusable, sweep
    try:
        sweep()
        got = module.measure(options)
    except Unusable as why:
        print(f"tools/bench {what}: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"tools/bench {what}: left by ^C; its namespaces are gone", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(got, indent=2))
    else:
        module.show(got, table)
    return 0 if got["complete"] else 1
