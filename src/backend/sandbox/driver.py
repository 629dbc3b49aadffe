"""The first code that runs in the sandbox: it reads a job, runs the code of it, and reports what came of it.

The job is a line of 12 digits, the length of what follows, and JSON. What follows the JSON is the standard input of the
code. The job has a `mode`:

blocks   runs blocks in one namespace, and reports what the last one prints, or its error
program  runs a whole program on the rest of the input, with its own output
tests    runs code, then each test in the same namespace, and reports which ones passed
call     runs code, calls a function of it, and reports what it returns
"""

import io
import json
import os
import signal
import site
import sys
import types


class Stopped(BaseException):
    """The time of a block is over."""


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed."""

    def __init__(self, limit):
        self.parts = []
        self.room = limit
        self.left_out = 0

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        kept = text[: self.room]
        if kept:
            self.parts.append(kept)
            self.room -= len(kept)
        self.left_out += len(text) - len(kept)
        return len(text)


def take(count):
    """Reads bytes of the job, and not one of what follows."""
    parts = []
    while count > 0:
        part = os.read(0, min(count, 1 << 16))
        if not part:
            os._exit(124)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def put(to, data):
    while data:
        data = data[os.write(to, data) :]


def alarmed(*_):
    raise Stopped()


def described(error):
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:
        return "an error without a description"


def attempt(seconds, run):
    """Runs a function within this time; what went wrong, or nothing."""
    signal.signal(signal.SIGALRM, alarmed)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            run()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Stopped:
        return {"stopped": True}
    except SystemExit:
        return {"left": True}
    except BaseException as error:
        return {"error": described(error)}
    return {}


def fresh():
    """A namespace as that of a program."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    return module.__dict__


def execute(code, namespace, name="<code>"):
    exec(compile(code, name, "exec"), namespace)


def silenced():
    """The output of this process as a way for reports alone: what code prints goes nowhere."""
    report = os.dup(1)
    nowhere = os.open("/dev/null", os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return report


def blocks(job):
    report = silenced()
    namespace = fresh()
    *before, last = job["blocks"]
    for code in before:
        sys.stdout = Printed(0)
        attempt(job["seconds"], lambda: execute(code, namespace))
    printed = sys.stdout = Printed(job["limit"])
    result = attempt(job["seconds"], lambda: execute(last, namespace))
    result["text"] = "".join(printed.parts)
    result["left_out"] = printed.left_out
    put(report, json.dumps(result).encode())
    os._exit(0)


def program(job):
    execute(job["code"], fresh(), "main.py")


def tests(job):
    report = silenced()
    namespace = fresh()
    sys.stdout = Printed(0)

    def tell(result):
        put(report, (job["nonce"] + json.dumps(result) + "\n").encode())

    first = attempt(job["seconds"], lambda: execute(job["code"], namespace))
    tell(first)
    if not first:
        for test in job["tests"]:
            tell(attempt(job["seconds"], lambda: execute(test, namespace, "<test>")))
    os._exit(0)


def call(job):
    report = silenced()
    namespace = fresh()
    sys.stdout = Printed(0)
    result = {}

    def found():
        name = job["name"]
        if name in namespace:
            return namespace[name]
        return getattr(namespace["Solution"](), name)

    def run():
        execute(job["code"], namespace)
        result["returned"] = json.loads(json.dumps(found()(*job["arguments"])))

    failed = attempt(job["seconds"], run)
    put(report, (job["nonce"] + json.dumps(failed or result) + "\n").encode())
    os._exit(0)


def main():
    job = json.loads(take(int(take(12))))
    sys.path[:] = job["path"]
    # What `-S` leaves out, and programs use.
    site.setquit()
    site.sethelper()
    put(1, b"ready\n")
    {"blocks": blocks, "program": program, "tests": tests, "call": call}[job["mode"]](job)


main()
