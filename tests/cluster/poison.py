"""Preloaded by workers of a test: while a file stands, a tile of that name ends the worker that touches it."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from kpgeo.flows.watching import observing


def dask_setup(worker: object) -> None:
    """Put a trap before the work on a tile, and keep count of the tiles that were begun."""
    folder = Path(os.environ["KPGEO_TEST_TRAPS"])
    original = observing.observe_tile

    def observe_tile(task: Any) -> Any:
        name = task.tile.name
        with (folder / "begun").open("a", encoding="ascii") as stream:
            stream.write(f"{name}\n")
        if (folder / f"always-{name}").exists():
            os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(60)
        if (folder / f"wait-{name}").exists():
            note = folder / f".waiting-{name}"
            note.write_text(str(os.getpid()), encoding="ascii")
            note.rename(folder / f"waiting-{name}")
            while (folder / f"wait-{name}").exists():
                time.sleep(0.05)
        return original(task)

    observing.observe_tile = observe_tile
