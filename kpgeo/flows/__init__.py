"""From scenes to alerts to a brief: plan, observe, decide, compare, deliver."""

from kpgeo.flows.comparing import compare
from kpgeo.flows.deciding import Bench, Decided, decide, first_undecided
from kpgeo.flows.delivering import deliver
from kpgeo.flows.doctor import Finding, examine
from kpgeo.flows.observing import Observation, observe
from kpgeo.flows.planning import Plan, plan
from kpgeo.flows.record import read_watched
from kpgeo.flows.running import RunReport, run_pipeline
from kpgeo.flows.watch import Progress, Watch, open_watch, open_watches

__all__ = [
    "Bench",
    "Decided",
    "Finding",
    "Observation",
    "Plan",
    "Progress",
    "RunReport",
    "Watch",
    "compare",
    "decide",
    "deliver",
    "examine",
    "first_undecided",
    "observe",
    "open_watch",
    "open_watches",
    "plan",
    "read_watched",
    "run_pipeline",
]
