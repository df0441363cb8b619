"""A clock that was set back: waited for where that is soon over, refused where it is not.

Icechunk keeps its commits in the order of their times and refuses one that is older than the commit it builds on.
"""

import datetime as dt
import time
from pathlib import Path

from kpgeo.model.errors import IntegrityError

_WAIT_S = 30.0
_STEP_S = 0.05


def wait_until_past(moment: dt.datetime, folder: Path) -> None:
    """Return once the clock has passed the moment (UTC) of a commit; a correction of seconds is waited for.

    Raises
    ------
    IntegrityError
        The moment is more than half a minute ahead of the clock.
    """
    ahead_s = (moment - dt.datetime.now(dt.UTC)).total_seconds()
    if ahead_s > _WAIT_S:
        now = dt.datetime.now(dt.UTC)
        raise IntegrityError(
            f"The clock says {now:%Y-%m-%d %H:%M:%S} UTC, but the newest commit is of {moment:%Y-%m-%d %H:%M:%S} UTC.",
            where=str(folder),
            remedy=(
                "Set the clock right. If it is right and was wrong before, restore this folder from a copy, or remove "
                "it: the scenes make the same state again."
            ),
        )
    end_s = time.monotonic() + _WAIT_S
    while dt.datetime.now(dt.UTC) <= moment and time.monotonic() < end_s:
        time.sleep(_STEP_S)
