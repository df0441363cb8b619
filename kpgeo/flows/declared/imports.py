"""What an import of declared figures said that the figures themselves do not: kept beside them, one file an import."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kpgeo import production
from kpgeo.model.errors import BadInputError
from kpgeo.model.finding import Finding, Rule, Weight
from kpgeo.model.ids import make_id
from kpgeo.production import Submission
from kpgeo.store import Tables, Workspace, refusal_as_integrity, write_atomic

_FOLDER = "imports"


@dataclass(frozen=True, kw_only=True)
class ImportRecord:
    """One import of declared figures, as kept in `imports/` of the workspace.

    Attributes
    ----------
    file : str
        Name of the file, without its folder.
    findings : tuple of Finding
        What only the rows of the table could tell.
    notes : tuple of str
        What was not read, joined, or computed in the table.
    """

    id: str
    file: str
    source: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Entered:
    """How many figures of production and trade an import entered, how many were known, and what it said."""

    production: int
    trade: int
    known: int
    record: ImportRecord


def keep_findings(room: Workspace, findings: Sequence[Finding], file: str, source: str) -> None:
    """Keep findings about files that are not entered themselves, such as tables of sizes; twice is as once."""
    _keep(room, _record(findings, (), file, source))


def _record(findings: Sequence[Finding], notes: tuple[str, ...], file: str, source: str) -> ImportRecord:
    said = json.dumps([[asdict(one) for one in findings], notes], sort_keys=True, default=str)
    return ImportRecord(
        id=make_id("import", file, source, said), file=file, source=source, findings=tuple(findings), notes=notes
    )


def enter_submission(room: Workspace, tables: Tables, found: Submission, file: str, source: str) -> Entered:
    """Enter what a table says into a workspace, and keep what only its rows could tell; twice is as once."""
    record = _record(production.check_entries(found.entries), found.notes, file, source)
    added, added_trade = tables.add_declared(found.figures), tables.add_trade(found.trades)
    if record.findings or record.notes:
        _keep(room, record)
    known = len(found.figures) + len(found.trades) - added - added_trade
    return Entered(production=added, trade=added_trade, known=known, record=record)


def read_imports(workspace: Path) -> tuple[ImportRecord, ...]:
    """Return what the imports into a workspace said, in order of their ids; none where there is no workspace.

    Raises
    ------
    BadInputError
        A record cannot be read.
    """
    return tuple(_record_of(path) for path in sorted((workspace / _FOLDER).glob("import-*.json")))


def findings_of(records: Sequence[ImportRecord]) -> list[Finding]:
    """Return the findings of imports, each once."""
    return list({one.id: one for record in records for one in record.findings}.values())


def _keep(room: Workspace, record: ImportRecord) -> None:
    content: dict[str, Any] = {
        "file": record.file,
        "source": record.source,
        "notes": list(record.notes),
        "findings": [_content_of(one) for one in record.findings],
    }
    path = room.inside(_FOLDER, f"{record.id}.json")
    with refusal_as_integrity(path):
        write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def _content_of(one: Finding) -> dict[str, Any]:
    return {
        "id": one.id,
        "rule": one.rule.value,
        "weight": one.weight.value,
        "participant": one.participant,
        "iso3": one.iso3,
        "periods": list(one.periods),
        "numbers": dict(one.numbers),
    }


def _record_of(path: Path) -> ImportRecord:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return ImportRecord(
            id=path.stem,
            file=content["file"],
            source=content["source"],
            findings=tuple(_finding_of(one) for one in content["findings"]),
            notes=tuple(content["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"The record of an import cannot be read ({type(error).__name__}).",
            where=str(path),
            remedy="Restore it from a copy, or remove it and import the file again.",
        ) from error


def _finding_of(content: dict[str, Any]) -> Finding:
    return production.put_into_words(
        Finding(
            id=content["id"],
            rule=Rule(content["rule"]),
            weight=Weight(content["weight"]),
            participant=content["participant"],
            iso3=content["iso3"],
            periods=tuple(content["periods"]),
            numbers=content["numbers"],
        )
    )
