"""Is everything there that a run needs? Each check gives findings with their mend, and none changes anything."""

import os
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kpgeo.flows.doctor.addressees import subscriber_findings
from kpgeo.flows.doctor.catalogues import Examination, key_findings
from kpgeo.flows.doctor.finding import Case, Finding, counted, within
from kpgeo.flows.doctor.machine import ClockWatch, clock_findings, examine_machine
from kpgeo.flows.doctor.papers import cluster_findings, file_findings, read_pipeline, read_watches
from kpgeo.flows.doctor.room import examine_workspace
from kpgeo.flows.doctor.software import examine_software
from kpgeo.flows.doctor.timetable import schedule_findings
from kpgeo.flows.watching.watch import Progress, Watch, silent
from kpgeo.options.pipeline import Pipeline
from kpgeo.wire import redact

__all__ = ["Finding", "examine", "exit_code_of", "summary_of"]

_LOCAL_S = 75.0
_CATALOGUE_S = 60.0
_CLUSTER_S = 60.0
_WARNED, _FAILED, _UPSTREAM = 3, 2, 4


def examine(
    workspace: Path | None = None,
    pipeline_file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> list[Finding]:
    """Check the installation, the machine and a workspace; of a pipeline, all it names and each of its catalogues.

    Parameters
    ----------
    workspace : Path, optional
        The pipeline's own by default, or `workspace` here.
    environ : mapping, optional
        Environment variables; those of this process by default.
    """
    clock = ClockWatch.begin()
    environ = os.environ if environ is None else environ
    findings: list[Finding] = []
    pipeline: Pipeline | None = None
    if pipeline_file is not None:
        pipeline, told = read_pipeline(pipeline_file)
        findings.append(told)
    if workspace is None:
        workspace = Path("workspace") if pipeline is None else pipeline.path(pipeline.workspace)
    case = Case(workspace=workspace, pipeline=pipeline, environ=environ)
    findings += within(_LOCAL_S, "software", lambda: examine_software(case))
    progress("doctor: software", 1, 1)
    findings += within(_LOCAL_S, "machine", lambda: examine_machine(case))
    watches: list[Watch] = []
    if pipeline is not None:
        watches, told_of_areas = read_watches(pipeline)
        findings += told_of_areas
        findings += within(_LOCAL_S, "files", lambda: file_findings(pipeline))
        findings += within(_LOCAL_S, "subscribers", lambda: subscriber_findings(pipeline, watches))
    database = "" if pipeline is None else pipeline.database
    findings += within(_LOCAL_S, "workspace", lambda: examine_workspace(workspace, watches, database))
    if pipeline is not None:
        findings += within(_LOCAL_S, "schedule", lambda: schedule_findings(pipeline, workspace))
    progress("doctor: workspace", 1, 1)
    skews_s: dict[str, float] = {}
    if pipeline is not None:
        findings += within(_CLUSTER_S, "cluster", lambda: cluster_findings(pipeline, workspace), is_upstream=True)
        findings += [one for source in pipeline.catalog for one in key_findings(source, environ)]
        examinations = [
            Examination(pipeline=pipeline, source=source, watch=watches[0] if watches else None)
            for source in pipeline.catalog
        ]
        findings += _ask_all(examinations, progress)
        for one in examinations:
            skews_s |= one.skews_s
    findings += clock_findings(clock, skews_s, environ)
    return [replace(one, detail=redact(one.detail)) for one in findings]


def exit_code_of(findings: Sequence[Finding]) -> int:
    """Return 0 where all is well, 3 with warnings only, 4 where only what is upstream fails, 2 otherwise."""
    failures = [one for one in findings if one.state == "fail"]
    if failures:
        return _UPSTREAM if all(one.is_upstream for one in failures) else _FAILED
    return _WARNED if any(one.state == "warn" for one in findings) else 0


def summary_of(findings: Sequence[Finding]) -> str:
    """Say in one line whether a run can go."""
    failed = sum(one.state == "fail" for one in findings)
    warned = sum(one.state == "warn" for one in findings)
    warnings = counted(warned, "warning")
    if failed:
        also = f", and {warnings}" if warned else ""
        return f"Not ready: {counted(failed, 'thing')} to mend{also}."
    return f"Ready to run, with {warnings}." if warned else "Ready to run."


def _ask_all(examinations: Sequence[Examination], progress: Progress) -> list[Finding]:
    """Ask every catalogue at the same time; the findings stay in the order of the pipeline."""
    answers: queue.Queue[tuple[int, list[Finding]]] = queue.Queue()

    def ask(number: int, one: Examination) -> None:
        answers.put((number, within(_CATALOGUE_S, one.name, one.findings, is_upstream=True)))

    for number, one in enumerate(examinations):
        threading.Thread(target=ask, args=(number, one), daemon=True).start()
    found: dict[int, list[Finding]] = {}
    for done in range(1, len(examinations) + 1):
        number, findings = answers.get()
        found[number] = findings
        progress("doctor: catalogues", done, len(examinations))
    return [finding for number in sorted(found) for finding in found[number]]
