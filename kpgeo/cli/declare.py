"""Commands of declared figures: enter them, list them, check them, see who submitted what."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kpgeo import flows, production
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, date, language_of, one_of, pairs
from kpgeo.cli.console import note, say, show_json, show_table
from kpgeo.cli.footprint import declare_footprint
from kpgeo.cli.look import opened
from kpgeo.model.aoi import Language
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.finding import Finding, Weight
from kpgeo.model.production import DeclaredFigure, DeclaredKind
from kpgeo.production import CaratUnit, NumberStyle, Submission, TableReading
from kpgeo.store import Tables, Workspace, has_tables

_MARKS = {DeclaredKind.FIGURE: "x", DeclaredKind.NO_PRODUCTION: "0", DeclaredKind.MISSING: "."}


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    declare = typer.Typer(no_args_is_help=True, help="Declared production and trade.")
    declare.command("import")(declare_import)
    declare.command("list")(declare_list)
    declare.command("check")(declare_check)
    declare.command("responses")(declare_responses)
    declare.command("footprint")(declare_footprint)
    app.add_typer(declare, name="declare")


def declare_import(
    file: Annotated[Path, typer.Argument(help="CSV or xlsx.", show_default=False)],
    *,
    workspace: HereWorkspace = HERE,
    source: Annotated[str, typer.Option(help="Where the figures are from.")] = "",
    published_on: Annotated[str | None, typer.Option(help="Vintage of rows that name none (ISO).")] = None,
    confidence: Annotated[str, typer.Option(help="high, medium or low.")] = "medium",
    entered_by: Annotated[str, typer.Option(help="Who enters them.")] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook.")] = "",
    column: Annotated[list[str] | None, typer.Option(help="kpgeo's column=heading; several times.")] = None,
    fixed: Annotated[list[str] | None, typer.Option("--set", help="column=value of every row; several times.")] = None,
    decimal: Annotated[str | None, typer.Option(help="point or comma: the sign before decimals.")] = None,
    unit: Annotated[CaratUnit, typer.Option(help="Of the weights.")] = CaratUnit.CT,
    currency: Annotated[str, typer.Option(help="Of the values (ISO 4217).")] = "USD",
    rate: Annotated[float | None, typer.Option(help="US$ for one unit of the currency.")] = None,
    rate_source: Annotated[str, typer.Option(help="Where the rate is from.")] = "",
    twice: Annotated[str, typer.Option(help="Rows that stand twice: refuse, sum or latest.")] = "refuse",
    formulas: Annotated[str, typer.Option(help="Figures a workbook computes: refuse or stored.")] = "refuse",
    language: Annotated[str, typer.Option(help="en, fr or pt: of what is asked.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Enter declared production and trade. A revision is a new vintage; nothing is overwritten."""
    if flows.is_kpgeo_table(file):
        found = Submission(figures=tuple(production.read_declared(file)), trades=(), entries=())
    else:
        reading = TableReading(
            source=_required(source, "--source", "Say where the figures are from."),
            confidence=one_of(confidence, ("high", "medium", "low"), "--confidence"),  # type: ignore[arg-type]
            sheet=sheet,
            columns=pairs(column, "--column"),
            fixed=pairs(fixed, "--set"),
            style=NumberStyle(decimal=one_of(decimal, ("point", "comma"), "--decimal") if decimal else None),  # type: ignore[arg-type]
            unit=unit,
            currency=currency.upper(),
            usd_per_unit=_rate(currency, rate, rate_source),
            rate_source=rate_source,
            twice=one_of(twice, ("refuse", "sum", "latest"), "--twice"),  # type: ignore[arg-type]
            formulas=one_of(formulas, ("refuse", "stored"), "--formulas"),  # type: ignore[arg-type]
            as_published_on=date(published_on, "--published-on"),
            entered_by=entered_by,
        )
        found = production.read_submission(file, reading)
    with _entering(workspace) as (room, tables), room.lock():
        entered = flows.enter_submission(room, tables, found, file.name, source or "the file's own")
    _show_entered(entered, language_of(language), as_json=as_json)


def _show_entered(entered: flows.Entered, tongue: Language, *, as_json: bool) -> None:
    """Say what became of a table that was entered, and what only the table itself shows."""
    record = entered.record
    for line in record.notes:
        note(line)
    say(f"{entered.production} figures of production and {entered.trade} of trade entered, {entered.known} were known.")
    if record.findings:
        say("Only the table itself shows these; they are kept, and kpgeo declare check lists them too:")
        _show_findings(record.findings, tongue)
    if as_json:
        show_json(
            {
                "entered": entered.production,
                "entered_trade": entered.trade,
                "known": entered.known,
                "notes": list(record.notes),
                "findings": [finding_content(one, tongue) for one in record.findings],
            }
        )


@contextmanager
def _entering(workspace: Path) -> Iterator[tuple[Workspace, Tables]]:
    """Open a workspace, made where there is none: figures can be entered before anything is watched."""
    if not has_tables(workspace):
        note(f"A new workspace is made: {workspace}.")
        Workspace(workspace).tables().close()
    with opened(workspace) as found:
        yield found


def declare_list(
    workspace: HereWorkspace = HERE,
    participant: Annotated[str | None, typer.Option(help="Only this participant.")] = None,
    as_json: AsJson = False,
) -> None:
    """List declared production: what comes with kpgeo, and what was entered; every vintage."""
    known = flows.known_figures(workspace).production
    iso3 = None if participant is None else flows.code_of(participant, known)
    rows = sorted((one for one in known if iso3 in (None, one.iso3)), key=_in_list)
    newest = set(production.current_figures(known))
    show_table(
        ("participant", "aoi", "period", "kind", "sector", "carats", "usd", "as published", "vintage", "source"),
        (
            (
                one.participant,
                one.aoi_id,
                one.period.label,
                one.kind,
                one.sector,
                "" if one.carats is None else f"{one.carats:,.2f}",
                "" if one.value_usd is None else f"{one.value_usd:,.0f}",
                one.as_published_on or "not known",
                "newest" if one in newest else "earlier",
                f"{one.source.source} {one.source.mark}",
            )
            for one in rows
        ),
        empty="No declared figure is known.",
    )
    if as_json:
        show_json({"declared": [_figure_content(one) | {"is_newest": one in newest} for one in rows]})


def _in_list(one: DeclaredFigure) -> tuple[str, str, Period, str, str]:
    return one.iso3, one.aoi_id, one.period, str(one.sector), str(one.as_published_on or "")


def declare_check(
    workspace: HereWorkspace = HERE,
    participant: Annotated[str | None, typer.Option(help="Only this participant.")] = None,
    language: Annotated[str, typer.Option(help="en, fr or pt.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Check declared figures as an analyst of the statistics would. Each finding is a question, no judgement."""
    tongue = language_of(language)
    iso3 = None
    if participant is not None:
        iso3 = flows.code_of(participant, flows.known_figures(workspace).production)
    found = [one for one in flows.check_figures(workspace) if iso3 in (None, one.iso3, one.partner_iso3)]
    _show_findings(found, tongue)
    asked = sum(one.weight is Weight.QUESTION for one in found)
    say(f"{asked} questions, {len(found) - asked} notes.")
    imports = [record for record in flows.read_imports(workspace) if record.notes]
    for record in imports if iso3 is None else []:
        say(f"When {record.file} was imported ({record.source}):", *(f"  {line}" for line in record.notes))
    if as_json:
        show_json(
            {
                "findings": [finding_content(one, tongue) for one in found],
                "imports": [{"file": one.file, "source": one.source, "notes": list(one.notes)} for one in imports],
            }
        )


def declare_responses(
    workspace: HereWorkspace = HERE,
    since: Annotated[int, typer.Option(help="First year.")] = 2003,
    as_json: AsJson = False,
) -> None:
    """Show who submitted what for each half-year: x a figure, 0 no production, . nothing known."""
    labels, table = production.response_table(flows.known_figures(workspace).production)
    kept = [place for place, label in enumerate(labels) if int(label[:4]) >= since]
    years = [label[2:4] if label.endswith("H1") else "" for label in labels]
    show_table(
        ("participant", " ".join(years[place] for place in kept if years[place])),
        ((iso3, _marks([kinds[place] for place in kept])) for iso3, kinds in sorted(table.items())),
        empty="No half-yearly figure is known.",
    )
    if as_json:
        show_json(
            {
                "periods": [labels[place] for place in kept],
                "responses": {iso3: [str(kinds[place]) for place in kept] for iso3, kinds in table.items()},
            }
        )


def _show_findings(found: Sequence[Finding], language: Language) -> None:
    show_table(
        ("participant", "periods", "rule", "weight", "finding"),
        (
            (
                one.participant,
                _span(one),
                one.rule,
                one.weight,
                f"{one.sentences[language]} {one.questions[language]}",
            )
            for one in found
        ),
        empty="Nothing to ask about.",
    )


def _marks(kinds: list[DeclaredKind]) -> str:
    marks = [_MARKS[kind] for kind in kinds]
    return " ".join("".join(marks[place : place + 2]) for place in range(0, len(marks), 2))


def _span(finding: Finding) -> str:
    first, last = finding.periods[0], finding.periods[-1]
    return first if first == last else f"{first}-{last}"


def _rate(currency: str, rate: float | None, source: str) -> float:
    """Return US$ for one unit of the currency; another currency needs a rate, and the rate a source."""
    if currency.upper() == "USD":
        return 1.0
    if rate is None or rate <= 0.0 or not source:
        raise BadInputError(
            f"Values in {currency.upper()} need a rate, and the rate a source.",
            where="--rate",
            remedy="Give --rate (US$ for one unit) and --rate-source.",
        )
    return rate


def _required(text: str, option: str, remedy: str) -> str:
    if not text.strip():
        raise BadInputError("A figure without a source is not entered.", where=option, remedy=remedy)
    return text


def _figure_content(one: DeclaredFigure) -> dict[str, Any]:
    return {
        "participant": one.participant,
        "iso3": one.iso3,
        "aoi": one.aoi_id,
        "period": one.period.label,
        "kind": str(one.kind),
        "sector": str(one.sector),
        "carats": one.carats,
        "value_usd": one.value_usd,
        "as_published_on": one.as_published_on.isoformat() if one.as_published_on else None,
        "source": one.source.source,
        "entered_by": one.entered_by,
    }


def finding_content(one: Finding, language: Language) -> dict[str, Any]:
    """Return a finding as plain JSON."""
    return {
        "id": one.id,
        "rule": str(one.rule),
        "weight": str(one.weight),
        "participant": one.participant,
        "iso3": one.iso3,
        "partner": one.partner,
        "periods": list(one.periods),
        "numbers": dict(one.numbers),
        "finding": one.sentences[language],
        "question": one.questions[language],
    }
