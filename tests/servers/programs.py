"""Programs that tests start and stop: a free port, a process of its own group, and waiting until it answers."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE_S = 60.0
_FOLDERS = ("/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin", "/usr/sbin")


def find_program(name: str) -> str | None:
    """Return the path of a program, looking where Debian puts servers too."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_FOLDERS]))


def free_port() -> int:
    """Return a port of the loopback device that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """Say whether somebody listens on a port of the loopback device."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds.

    Raises
    ------
    TimeoutError
        It has not come to hold in a minute.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not in {_PATIENCE_S:.0f} s")
        time.sleep(0.05)


@dataclass
class Program:
    """One server: how to start it, and the port by which to tell that it has started.

    Attributes
    ----------
    user : str
        Whom it runs as, where the tests are run by root.
    stop_signal : int
        What ends it without delay, its children too.
    """

    command: Sequence[str]
    port: int
    log: Path
    user: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it listens.

        Raises
        ------
        RuntimeError
            It ended at once; the message holds the end of its log.
        """
        with self.log.open("ab") as log:
            self._process = process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                user=self.user or None,
                group=pwd.getpwnam(self.user).pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
                start_new_session=True,
            )
        wait_until(lambda: answers(self.port) or process.poll() is not None, self.command[0])
        if process.poll() is not None:
            raise RuntimeError(f"{self.command[0]} ended: {self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it and its children as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        wait_until(lambda: not answers(self.port), f"{self.command[0]} still listens")
