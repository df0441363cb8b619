"""The schedule: whether the last run was done in time, as the heartbeat says. The tables are not opened."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

from kpgeo.flows.doctor.finding import Finding, counted, failed, good, warned
from kpgeo.flows.schedule.slots import due_after, say_moment
from kpgeo.options.pipeline import Pipeline

_CHECK = "schedule"


def schedule_findings(pipeline: Pipeline, workspace: Path) -> Iterator[Finding]:
    """Say when a run is due next, and whether the last that was due is done."""
    options, now = pipeline.schedule, dt.datetime.now(dt.UTC)
    if options.every == "never":
        yield good(_CHECK, "none: runs begin by hand")
        return
    following = f"the next run is due on {say_moment(due_after(options, now))}"
    path = workspace / f"heartbeat-{pipeline.name}.json"
    if not path.exists():
        remedy = "Run it once, then see to it that a timer does: kpgeo schedule install."
        yield warned(_CHECK, f"no run was ever begun; {following}", remedy)
        return
    try:
        beat = json.loads(path.read_text(encoding="utf-8"))
        late_after = dt.datetime.fromisoformat(beat["late_after"])
        alarms = len(beat["alarms"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield failed(_CHECK, f"the heartbeat cannot be read ({type(error).__name__})", "Run the pipeline again.")
        return
    see = "See `kpgeo schedule check` with this pipeline, and whether its timers are enabled."
    if alarms:
        yield warned(_CHECK, f"{counted(alarms, 'alarm')} standing; {following}", see)
    elif now > late_after:
        yield warned(_CHECK, f"a run should have been done by {say_moment(late_after)}; {following}", see)
    else:
        yield good(_CHECK, following)
