"""Tables of sizes of stones, as sorters and valuers write them: so many stones in each class of size or sieve."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from kpgeo.model.errors import BadInputError
from kpgeo.production.cells import NumberStyle, clean_cell, read_number, read_period
from kpgeo.production.footprint import SizeTable
from kpgeo.production.participants import Participant, find_participant
from kpgeo.production.table import Table, read_table

SIZE_COLUMNS = ("participant", "period", "size", "stones", "carats")
_NUMBERS = ("stones", "carats")
_MAX_STONES = 2_000_000_000.0
_MAX_STONE_CT = 10_000.0  # three times the heaviest diamond that was ever found
_MAX_CLASSES = 200


@dataclass(frozen=True, kw_only=True)
class SizeReading:
    """What is said of a table of sizes as a whole.

    Attributes
    ----------
    columns : mapping
        kpgeo's columns (`SIZE_COLUMNS`) to the table's headings, where they are called otherwise.
    fixed : mapping
        What stands for `participant` or `period` in every row.
    edges_ct : mapping
        The least weight of a stone (ct) in each class that a name, such as that of a sieve, stands for. A class that is
        written as a number is that weight itself.
    mean_ct : mapping
        What a stone of a class weighs on average (ct), by the class as it is written: needed where carats are given and
        stones were not counted.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    edges_ct: Mapping[str, float] = field(default_factory=dict)
    mean_ct: Mapping[str, float] = field(default_factory=dict)
    style: NumberStyle = field(default_factory=NumberStyle)
    sheet: str = ""


@dataclass(frozen=True, kw_only=True)
class _Class:
    """One row: the lower edge of a class of size (ct a stone), its stones, its carats where given."""

    edge_ct: float
    stones: int
    carats: float | None
    where: str


def read_sizes(path: Path, reading: SizeReading) -> tuple[SizeTable, ...]:
    """Read a table of sizes from a CSV file or a workbook: one `SizeTable` of each participant and period.

    A class without a row is unknown, and not without stones: only tables that name the same classes are comparable.

    Raises
    ------
    BadInputError
        A cell, a heading or the file is not certain, a class stands twice, or the carats of a class cannot be those of
        its stones; the message says where, and what to say or write instead.
    """
    table = read_table(path, reading.sheet)
    places = _places(table, path, reading)
    found: dict[tuple[str, str], list[_Class]] = defaultdict(list)
    participants: dict[str, Participant] = {}
    for number, cells in table.rows:
        where = f"{path}, row {number}"
        texts = {
            column: clean_cell(cells[place], f"{where}, column {table.header[place]}", is_number=column in _NUMBERS)
            for column, place in places.items()
        }
        if computed := [place for place in places.values() if (number, place) in table.formulas]:
            raise BadInputError(
                "The cell is computed by a formula.",
                where=f"{where}, column {table.header[computed[0]]}",
                remedy="Write what it comes to.",
            )
        texts |= reading.fixed
        period = read_period(texts["period"], f"{where}, period")
        participant = find_participant(texts["participant"], period.start_day, f"{where}, participant")
        participants[participant.iso3] = participant
        style = {column: _style(table, number, place, reading) for column, place in places.items()}
        found[participant.iso3, period.label].append(_class_of(texts, style, reading, where))
    if not found:
        raise BadInputError("The table has no rows.", where=str(path), remedy="Write a row for each class of size.")
    return tuple(_size_table(participants[iso3], label, rows) for (iso3, label), rows in sorted(found.items()))


def _places(table: Table, path: Path, reading: SizeReading) -> dict[str, int]:
    """Return where each of the columns stands in the table."""
    plain = [heading.casefold() for heading in table.header]
    where = f"{path}, row 1"
    headings = ", ".join(filter(None, table.header))
    unknown = [name for name in (*reading.columns, *reading.fixed) if name not in SIZE_COLUMNS]
    if unknown:
        remedy = f"There are {', '.join(SIZE_COLUMNS)}."
        raise BadInputError(f"{unknown[0]!r} is no column of a table of sizes.", where=where, remedy=remedy)
    found: dict[str, int] = {}
    for column in SIZE_COLUMNS:
        heading = reading.columns.get(column, column).casefold()
        count = plain.count(heading)
        if count > 1 or (column in reading.columns and not count):
            remedy = f"Its headings are {headings}."
            raise BadInputError(f"The heading {heading!r} stands {count} times.", where=where, remedy=remedy)
        if count and column not in reading.fixed:
            found[column] = plain.index(heading)
    has = {*found, *reading.fixed}
    absent = [column for column in ("participant", "period", "size") if column not in has]
    absent += [] if set(_NUMBERS) & has else ["stones"]
    if absent:
        remedy = f"Say which is (--column {absent[0]}=HEADING); its headings are {headings}."
        raise BadInputError(f"No column of the table is known to be {' or '.join(absent)}.", where=where, remedy=remedy)
    return found


def _style(table: Table, number: int, place: int, reading: SizeReading) -> NumberStyle:
    return NumberStyle(decimal="point") if (number, place) in table.numeric else reading.style


def _class_of(texts: Mapping[str, str], style: Mapping[str, NumberStyle], reading: SizeReading, where: str) -> _Class:
    name = texts["size"]
    edge = reading.edges_ct.get(name)
    if edge is None:
        if not name[:1].isdigit():
            raise BadInputError(
                f"The class {name[:40]!r} has no weight.",
                where=f"{where}, size",
                remedy="Say the least weight of its stones in carats (--edge CLASS=CT), or write it in its place.",
            )
        edge = read_number(name, style.get("size", reading.style), f"{where}, size")
    if edge is None or not 0.0 <= edge <= _MAX_STONE_CT:
        raise BadInputError(
            f"No stone weighs {name[:40]} ct.", where=f"{where}, size", remedy="Check the unit: ct a stone."
        )
    counted, carats = (
        read_number(texts.get(column, ""), style.get(column, reading.style), f"{where}, {column}")
        for column in _NUMBERS
    )
    return _Class(
        edge_ct=edge, stones=_stones(counted, carats, reading.mean_ct.get(name), where), carats=carats, where=where
    )


def _stones(counted: float | None, carats: float | None, mean_ct: float | None, where: str) -> int:
    """Return how many stones: those counted, or the carats over what a stone is said to weigh on average."""
    if counted is not None:
        if counted != int(counted) or counted > _MAX_STONES:
            raise BadInputError(f"{counted:g} is no number of stones.", where=where, remedy="Write a whole number.")
        return int(counted)
    if carats is None:
        raise BadInputError("The row gives no stones.", where=where, remedy="Write how many; 0 where there are none.")
    if mean_ct is None or mean_ct <= 0.0:
        raise BadInputError(
            "The row gives carats, and the comparison is of stones.",
            where=where,
            remedy="Count them, or say what a stone of the class weighs on average (--mean CLASS=CT).",
        )
    return round(carats / mean_ct)


def _size_table(participant: Participant, label: str, rows: list[_Class]) -> SizeTable:
    ordered = sorted(rows, key=lambda row: row.edge_ct)
    for one, other in pairwise(ordered):
        if one.edge_ct == other.edge_ct:
            raise BadInputError(
                f"The class from {one.edge_ct:g} ct stands twice for {participant.name} {label}.",
                where=other.where,
                remedy="Add the two up, or give them periods of their own.",
            )
    for row, above in zip(ordered, [*ordered[1:], None], strict=True):
        _check_weight(row, None if above is None else above.edge_ct)
    if len(ordered) > _MAX_CLASSES:
        raise BadInputError(
            f"{len(ordered)} classes of size are too many.", where=ordered[0].where, remedy="Join them."
        )
    return SizeTable(
        participant=participant.name,
        iso3=participant.iso3,
        period=label,
        edges_ct=tuple(row.edge_ct for row in ordered),
        stones=tuple(row.stones for row in ordered),
    )


def _check_weight(row: _Class, above_ct: float | None) -> None:
    """Refuse carats that so many stones of a class cannot weigh: a column or a unit is another than was taken for."""
    if row.carats is None or not row.stones:
        return
    mean_ct = row.carats / row.stones
    if mean_ct < row.edge_ct or (above_ct is not None and mean_ct > above_ct):
        span = f"from {row.edge_ct:g}" + ("" if above_ct is None else f" to {above_ct:g}")
        raise BadInputError(
            f"{row.stones:,} stones of {row.carats:,.6g} ct weigh {mean_ct:.3g} ct each, in the class {span} ct.",
            where=row.where,
            remedy="Check stones, carats and the weights of the classes.",
        )
