"""Evidence: one sealed file for each alert that was confirmed, and for any alert on demand."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kpgeo import evidence
from kpgeo.brief import Explanation
from kpgeo.evidence import SigningKey, Verification
from kpgeo.flows.explained.explaining import explain_alerts
from kpgeo.flows.exports.sheets import PUBLIC
from kpgeo.flows.pictures import chip_pair
from kpgeo.flows.sealed.files import (
    Case,
    alert_files,
    background_files,
    chip_files,
    code_facts,
    coverage_of,
    find_case,
    people_files,
    release_of,
    series_files,
)
from kpgeo.flows.watching.deciding import Bench
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.flows.watching.watch import Progress, Watch, silent
from kpgeo.model.alert import AlertEvent, MachineState
from kpgeo.model.calendar import dekad_end, dekad_label
from kpgeo.model.errors import BadInputError, IntegrityError, KpgeoError
from kpgeo.model.ledger import MACHINE, NO_DIGEST, Entry, EntryKind, Head
from kpgeo.store import Tables, Workspace, refusal_as_integrity, write_atomic

SUFFIX = ".kpe.zip"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle that was made.

    Attributes
    ----------
    sha256 : str
        Of its bytes.
    fingerprint : str
        Of the key it is signed with; "" where it is not.
    """

    alert_id: str
    dekad: int
    path: Path
    sha256: str
    fingerprint: str


def make_evidence(
    room: Workspace,
    tables: Tables,
    alert_id: str,
    *,
    dekad: int | None = None,
    out: Path | None = None,
    progress: Progress = silent,
) -> Bundle:
    """Make the bundle of an alert, as it stood at the end of a dekad (None is the last one decided).

    Made again while nothing new is known, it is the same bytes, and the ledger names it once. The caller holds the
    workspace.

    Parameters
    ----------
    out : Path, optional
        A file or folder; by default the workspace's `evidence/`.

    Raises
    ------
    BadInputError
        There is no such alert, or the signing key cannot be used.
    IntegrityError
        The disk refuses, or a run was interrupted and the tables do not follow from the state.
    """
    known = tables.alert_history(alert_id)
    if not known:
        raise BadInputError(
            f"There is no alert {alert_id[:80]!r}.", where="evidence", remedy="See: kpgeo alerts list --all."
        )
    watch, _ = watch_of(room, known[-1].aoi_id)
    key = evidence.read_key()
    bench = open_bench(room, tables, watch)
    case = find_case(bench, alert_id, dekad)
    files, last = compose_files(bench, case, room, progress=progress)
    return _keep(bench, case, _sealed(bench, case, files, last, key), (room, out, key))


def make_due(room: Workspace, tables: Tables, watches: Sequence[Watch], progress: Progress = silent) -> list[Bundle]:
    """Make the bundle of every alert that became confirmed and has none of that step yet.

    One that cannot be made now, because its scenes cannot be read, is made at the end of a later run.
    """
    made: list[Bundle] = []
    try:
        key = evidence.read_key()
    except KpgeoError as error:
        _log.warning("no evidence was made: %s", error)
        return made
    for watch in watches:
        if not watch.pipeline.evidence.at_confirmation or tables.methods.is_beside(watch.aoi.id, watch.lineage):
            continue
        try:
            made += _make_due_of(room, tables, watch, key, progress)
        except KpgeoError as error:
            _log.warning("%s: evidence could not be made: %s", watch.aoi.id, error)
    return made


def _make_due_of(
    room: Workspace, tables: Tables, watch: Watch, key: SigningKey | None, progress: Progress
) -> list[Bundle]:
    confirmed = _without_evidence(tables, watch)
    if not confirmed:
        return []
    bench = open_bench(room, tables, watch)
    cases = {event.alert_id: find_case(bench, event.alert_id, event.dekad) for event in confirmed}
    explained = explain_alerts(bench, {alert_id: case.dekads for alert_id, case in cases.items()}, progress)
    made = []
    for number, (alert_id, case) in enumerate(cases.items(), start=1):
        files, last = compose_files(bench, case, room, explained=explained[alert_id])
        made.append(_keep(bench, case, _sealed(bench, case, files, last, key), (room, None, key)))
        progress(f"{watch.aoi.id}: evidence", number, len(cases))
    return made


def _without_evidence(tables: Tables, watch: Watch) -> list[AlertEvent]:
    """Return the steps by which alerts became confirmed, the last of each alert, that no bundle is of."""
    bundled = {str(entry.body.get("event")) for entry in tables.ledger.entries(kind=EntryKind.EVIDENCE)}
    found = []
    for alert in tables.alerts(watch.aoi.id, watch.lineage):
        steps = [one for one in tables.alert_events(alert.id) if one.after is MachineState.CONFIRMED]
        found += [one for one in steps[-1:] if one.id not in bundled]
    return found


def open_bench(room: Workspace, tables: Tables, watch: Watch) -> Bench:
    """Return what evidence is made of.

    Raises
    ------
    IntegrityError
        The tables follow from another commit than the state's newest.
    """
    bench = Bench(watch, room.state(watch.aoi.id, watch.lineage, watch.grid), tables)
    commit = tables.last_commit(watch.aoi.id, watch.lineage)
    if commit is None or commit.snapshot_id != bench.head.snapshot_id:
        raise IntegrityError(
            "The tables do not follow from the newest state.", where=watch.aoi.id, remedy="Run the pipeline again."
        )
    return bench


def compose_files(
    bench: Bench, case: Case, room: Workspace, *, explained: Explanation | None = None, progress: Progress = silent
) -> tuple[dict[str, bytes], Entry | None]:
    """Return the files of a case by name, and the last entry of the ledger among them."""
    watch, release = bench.watch, release_of(bench.watch)
    series = explained or explain_alerts(bench, {case.alert.id: case.dekads}, progress)[case.alert.id]
    scenes = sorted(bench.scenes.values(), key=lambda scene: scene.order)
    until = dekad_end(case.dekad)
    pair = chip_pair(watch, case.site, scenes, until_day=until, margin_m=watch.pipeline.brief.chip_margin_m)
    people, last = people_files(bench, case)
    facts = {
        "aoi": watch.aoi.id,
        "alert": case.alert.id,
        "dekad": dekad_label(case.dekad),
        "release": release,
    }
    return {
        **alert_files(case, coverage_of(bench, case), release),
        **series_files(series, release),
        **chip_files(watch, case.site, pair, release),
        **background_files(bench, case, room),
        **people,
        **evidence.write_readmes(facts),
    }, last


def _sealed(bench: Bench, case: Case, files: Mapping[str, bytes], last: Entry | None, key: SigningKey | None) -> bytes:
    """Return the bundle of a case."""
    watch = bench.watch
    facts = {
        "aoi": watch.aoi.id,
        "aoi_version": watch.aoi.version,
        "alert": case.alert.id,
        "site": case.site.id,
        "state": str(case.alert.state),
        "dekad": dekad_label(case.dekad),
        "release": release_of(watch),
        "lineage": watch.lineage,
        "code": dict(code_facts()),
        "ledger_head": {"seq": last.seq, "digest": last.digest} if last else {"seq": 0, "digest": NO_DIGEST},
    }
    return evidence.compose_bundle(files, facts, key)


def _keep(bench: Bench, case: Case, content: bytes, place: tuple[Workspace, Path | None, SigningKey | None]) -> Bundle:
    """Write a bundle, whole or not at all, and then name it in the ledger, once."""
    room, out, key = place
    checked = evidence.read_bundle(content, case.alert.id)
    mark = "" if release_of(bench.watch) == PUBLIC else "_KP-ONLY"
    name = f"{case.alert.id}_{dekad_label(case.dekad)}_{checked.sha256[:12]}{mark}{SUFFIX}"
    path = room.inside("evidence", name) if out is None else out / name if out.is_dir() else out
    with refusal_as_integrity(path):
        if not path.is_file() or path.read_bytes() != content:
            write_atomic(path, content)
    confirmed = [event for event in case.events if event.after is MachineState.CONFIRMED]
    entry = Entry(
        kind=EntryKind.EVIDENCE,
        aoi_id=bench.watch.aoi.id,
        subject=case.alert.id,
        actor=MACHINE,
        body={
            "bundle": name,
            "sha256": checked.sha256,
            "dekad": dekad_label(case.dekad),
            "event": confirmed[-1].id if confirmed else None,
            "signer": checked.fingerprint or None,
        },
    )

    ledger = bench.tables.ledger
    told = ledger.entries(subject=case.alert.id, kind=EntryKind.EVIDENCE)
    if checked.sha256 not in {one.body.get("sha256") for one in told}:  # nobody else makes any: the workspace is held
        ledger.append([entry])
    fingerprint = key.public.fingerprint if key is not None else ""
    return Bundle(alert_id=case.alert.id, dekad=case.dekad, path=path, sha256=checked.sha256, fingerprint=fingerprint)


def hold_against(checked: Verification, tables: Tables) -> list[str]:
    """Check that what an intact bundle has of the ledger stands in a workspace's, whose chain is whole; say so.

    Raises
    ------
    BadInputError
        It is no bundle of an alert.
    IntegrityError
        An entry of the bundle is not in the ledger, or the ledger was changed.
    """
    noted = evidence.require_alert(checked)["ledger_head"]
    where = f"bundle {checked.sha256[:12]}"
    count, _ = tables.ledger.verify([Head(seq=int(noted["seq"]), digest=str(noted["digest"]), where=where)])
    lines = checked.files.get("ledger.jsonl", b"").splitlines()
    for number, line in enumerate(lines, start=1):
        entry = evidence.read_ledger_line(line)
        held = tables.ledger.entries(subject=entry.subject, kind=entry.kind, after_seq=entry.seq - 1)
        if not held or held[0].digest != entry.digest:
            raise IntegrityError(
                f"Entry {entry.seq} of the bundle is not in the ledger of the workspace.",
                where=f"ledger.jsonl, line {number}",
                remedy="Name the workspace it was made in.",
            )
    told = [one.seq for one in tables.ledger.entries(kind=EntryKind.EVIDENCE) if one.body["sha256"] == checked.sha256]
    named = f"entry {told[0]} names this bundle" if told else "no entry names this bundle"
    return [
        f"The ledger of the workspace is whole ({count} entries); it holds all {len(lines)} entries of the bundle.",
        f"In it, {named}.",
    ]
