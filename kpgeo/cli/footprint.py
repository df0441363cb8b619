"""The command that holds the sizes of exported stones against those of produced ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from kpgeo import flows, production
from kpgeo.cli.choices import HERE, AsJson, HereWorkspace, language_of, one_of, pairs
from kpgeo.cli.console import say, show_json, show_table
from kpgeo.cli.look import opened
from kpgeo.model.errors import BadInputError
from kpgeo.model.finding import Finding
from kpgeo.options.checks import CheckOptions
from kpgeo.production import FootprintComparison, NumberStyle, SizeReading, SizeTable

_Pairs = list[str] | None


@dataclass(frozen=True, kw_only=True)
class _Held:
    """One produced table against the exported one of the same participant and period."""

    produced: SizeTable
    exported: SizeTable
    compared: FootprintComparison
    findings: tuple[Finding, ...]


def declare_footprint(
    produced: Annotated[Path, typer.Argument(help="Sizes of stones produced: CSV or xlsx.", show_default=False)],
    exported: Annotated[Path, typer.Argument(help="Sizes of stones exported.", show_default=False)],
    *,
    column: Annotated[_Pairs, typer.Option(help="kpgeo's column=heading; several times.")] = None,
    fixed: Annotated[_Pairs, typer.Option("--set", help="participant=... or period=... of every row.")] = None,
    edge: Annotated[_Pairs, typer.Option(help="CLASS=CT: least weight of a stone in a named class.")] = None,
    mean: Annotated[_Pairs, typer.Option(help="CLASS=CT: mean weight of its stones, where not counted.")] = None,
    decimal: Annotated[str | None, typer.Option(help="point or comma: the sign before decimals.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what is found, for kpgeo declare check.")] = False,
    language: Annotated[str, typer.Option(help="en, fr or pt.")] = "en",
    workspace: HereWorkspace = HERE,
    as_json: AsJson = False,
) -> None:
    """Hold the sizes of exported stones against those of produced ones, by participant and period."""
    tongue = language_of(language)
    reading = SizeReading(
        columns=pairs(column, "--column"),
        fixed=pairs(fixed, "--set"),
        edges_ct=_weights(edge, "--edge"),
        mean_ct=_weights(mean, "--mean"),
        style=NumberStyle(decimal=one_of(decimal, ("point", "comma"), "--decimal") if decimal else None),  # type: ignore[arg-type]
    )
    one_side, other_side = (_by_key(production.read_sizes(file, reading)) for file in (produced, exported))
    held = [_hold(one_side[key], other_side[key]) for key in sorted(one_side.keys() & other_side.keys())]
    _show(held)
    found = [finding for one in held for finding in one.findings]
    say(*(f"{one.participant}: {one.sentences[tongue]} {one.questions[tongue]}" for one in found))
    alone = sorted(" ".join(key) for key in one_side.keys() ^ other_side.keys())
    if alone:
        say(f"In one of the tables only, and not compared: {', '.join(alone)}.")
    if keep and found:
        with opened(workspace) as (room, _), room.lock():
            flows.keep_findings(room, found, f"{produced.name} and {exported.name}", "tables of sizes")
    if as_json:
        show_json({"compared": [_content(one) for one in held], "not_compared": alone})


def _by_key(tables: tuple[SizeTable, ...]) -> dict[tuple[str, str], SizeTable]:
    return {(one.participant, one.period): one for one in tables}


def _show(held: list[_Held]) -> None:
    show_table(
        ("participant", "period", "produced", "exported", "largest gap", "at ct", "chance", "Cramér's V", "asked"),
        (
            (
                one.produced.participant,
                one.produced.period,
                f"{sum(one.produced.stones):,}",
                f"{sum(one.exported.stones):,}",
                f"{one.compared.gap_frac:.1%}",
                f"{one.compared.at_ct:g}",
                f"{one.compared.pvalue:.2g}",
                f"{one.compared.effect:.2f}",
                "yes" if one.findings else "no",
            )
            for one in held
        ),
        empty="No participant and period stands in both tables.",
    )


def _hold(produced: SizeTable, exported: SizeTable) -> _Held:
    compared = production.compare_footprints(produced, exported)
    findings = tuple(production.check_footprint(produced, exported, CheckOptions()))
    return _Held(produced=produced, exported=exported, compared=compared, findings=findings)


def _weights(texts: _Pairs, option: str) -> dict[str, float]:
    """Return weights by class, ct."""
    found = {}
    for name, text in pairs(texts, option).items():
        weight = production.read_number(text, NumberStyle(decimal="point"), option)
        if weight is None:
            raise BadInputError(f"{text!r} is no weight.", where=option, remedy="Write CLASS=0.25.")
        found[name] = weight
    return found


def _content(one: _Held) -> dict[str, Any]:
    return {
        "participant": one.produced.participant,
        "iso3": one.produced.iso3,
        "period": one.produced.period,
        "edges_ct": list(one.produced.edges_ct),
        "produced": list(one.produced.stones),
        "exported": list(one.exported.stones),
        "gap_frac": one.compared.gap_frac,
        "at_ct": one.compared.at_ct,
        "pvalue": one.compared.pvalue,
        "effect": one.compared.effect,
        "is_asked": bool(one.findings),
    }
