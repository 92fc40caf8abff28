"""A run that tries every door to the outside. The name of the target says what it does."""

# Name lookup imports it when it is called, but at run time there are no files to import from.
import encodings.idna
import os
import random
import socket
import subprocess
import sys
import threading
import time

from wit_world.exports import mapper

DOORS = {
    "read": lambda: open("/etc/passwd").read(),
    "list": lambda: os.listdir("/"),
    "write": lambda: open("/tmp/closed-doors", "w"),
    "connect": lambda: socket.create_connection(("127.0.0.1", 1)),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "datagrams": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 0)),
    "resolve": lambda: socket.getaddrinfo("localhost", 80),
    "thread": lambda: threading.Thread(target=print).start(),
    "process": lambda: subprocess.run(["true"]),
}
VALUES = {
    "environment": lambda: len(os.environ),
    "wall clock": lambda: time.time(),
    "monotonic clock": lambda: time.monotonic(),
    "today": lambda: time.strftime("%Y-%m-%d", time.gmtime()),
    "system random": lambda: os.urandom(4).hex(),
    "seeded random": lambda: random.Random().random(),
    "set": lambda: list({"a", "b", "c", "d"}),
}


class Run(mapper.Run):
    def __init__(self, target, span, options):
        self.does = target.name

    def feed(self, document, chunk):
        pass

    def finish(self):
        match self.does:
            case "raises":
                self.recurse(30)
            case "sleeps":
                time.sleep(3600)
            case "exits":
                sys.exit(3)
            case "exits-at-once":
                os._exit(3)
        strings = [f"{name}: {closed(door)}" for name, door in DOORS.items()]
        strings += [f"{name}: {value()}" for name, value in VALUES.items()]
        return mapper.SampleSet(strings=strings, families=[], unmapped=[])

    def recurse(self, depth):
        if depth == 0:
            raise RuntimeError("the day 2026-13-01 is not valid, with ghp_0123456789abcdef")
        self.recurse(depth - 1)


def closed(door):
    try:
        return f"open: {door()}"
    except (OSError, RuntimeError) as error:
        return "closed" if str(error) else type(error).__name__
