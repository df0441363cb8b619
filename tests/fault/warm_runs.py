"""Runs commands of kpgeo in forks of one warm process, and kills them when told to: a script, and how tests talk to it.

A fork begins where kpgeo is imported already, so that fifty kills do not take the time of fifty imports. A command is
killed with SIGKILL after a time, or by its own hand at its n-th step of writing: before and after each fsync, rename,
commit of the tables and commit of the state.
"""

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """One command, as typed after `kpgeo`, and when it dies: never, after seconds, or at a step of writing.

    `most_bytes` is the size no file may grow beyond: what is written past it is refused, as on a full disk. `now` is
    what the command takes for the present (ISO, UTC); the machine's own clock unless given.
    """

    words: tuple[object, ...]
    seconds: float = 0.0
    step: int = 0
    most_bytes: int = 0
    now: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """How it ended: its exit code (or minus the signal), its seconds, its steps of writing, what it said of errors."""

    code: int
    seconds: float
    steps: int
    complaint: str


class WarmRuns:
    """The test's side."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, *words: object, **how: Any) -> End:
        order = Order(words=tuple(map(str, words)), **how)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(dataclasses.asdict(order)) + "\n")
        self._process.stdin.flush()
        return End(**json.loads(self._process.stdout.readline()))


@contextmanager
def warm_runs() -> Iterator[WarmRuns]:
    """Start the warm process, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, f"{folder}/steps"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield WarmRuns(process)
            process.stdin.close()  # type: ignore[union-attr]


def _arm(counter: "os.PathLike[str]", deadly_step: int) -> None:
    """Count each step of writing in a file, and die at one of them."""
    import icechunk  # noqa: PLC0415 - in the fork alone: its threads would not outlive a fork
    from sqlalchemy.engine.default import DefaultDialect  # noqa: PLC0415

    seen = [0]
    descriptor = os.open(counter, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def step() -> None:
        seen[0] += 1
        os.pwrite(descriptor, str(seen[0]).encode(), 0)
        if seen[0] == deadly_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def around(*args: Any, **named: Any) -> Any:
            step()
            result = original(*args, **named)
            step()
            return result

        setattr(owner, name, around)

    for owner, name in (
        (os, "fsync"), (os, "replace"), (DefaultDialect, "do_commit"),
        (icechunk.Session, "commit"), (icechunk.Repository, "reset_branch"),
    ):  # fmt: skip
        watched(owner, name)


def _travel(now: str) -> None:
    """Let this process's clock go on from another moment. Times of files are not moved, so none is taken for old."""
    import time_machine  # noqa: PLC0415

    from kpgeo.store import files  # noqa: PLC0415

    files._OLD_S = float("inf")
    time_machine.travel(now, tick=True).start()


def _run(order: dict[str, Any], counter: Path) -> int:
    from kpgeo import cli  # noqa: PLC0415

    if order["now"]:
        _travel(order["now"])
    _arm(counter, order["step"])
    if order["most_bytes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["most_bytes"], resource.RLIM_INFINITY))
    try:
        cli.app(order["words"])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _fork(order: dict[str, Any], counter: Path) -> int:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(counter.with_suffix(".stderr"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        code = 1
        try:
            code = _run(order, counter)
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def _wait(child: int, seconds: float) -> int:
    """Return how a child ended; kill it when its time is over."""
    end = time.monotonic() + seconds
    while seconds and time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    if seconds:
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _serve() -> None:
    import kpgeo.cli  # noqa: F401, PLC0415 - what makes it warm

    counter = Path(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        counter.unlink(missing_ok=True)
        begin = time.monotonic()
        code = _wait(_fork(order, counter), order["seconds"])
        steps = int(counter.read_text() or 0) if counter.exists() else 0
        complaint = counter.with_suffix(".stderr").read_text(errors="replace")
        end = End(code=code, seconds=time.monotonic() - begin, steps=steps, complaint=complaint)
        print(json.dumps(dataclasses.asdict(end)), flush=True)  # noqa: T201


if __name__ == "__main__":
    _serve()
