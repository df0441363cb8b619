"""Checks of declared trade: what came in against what went out, and what two partners say of the same stones."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kpgeo.model.calendar import Period, date_of
from kpgeo.model.finding import Finding, Rule, Weight
from kpgeo.model.ids import make_id
from kpgeo.model.production import DeclaredFigure, DeclaredKind, Flow, TradeFigure
from kpgeo.options.checks import CheckOptions
from kpgeo.production.questions import put_into_words
from kpgeo.production.series import Series, label_of, number_of, series_of
from kpgeo.production.vintages import current_figures


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """What one participant's exports to another are by quarter (`sent`), and that one's imports from it (`come`)."""

    sender: TradeFigure
    taker: TradeFigure
    sent: Mapping[int, TradeFigure]
    come: Mapping[int, TradeFigure]


def check_trade(
    figures: Iterable[DeclaredFigure], trades: Iterable[TradeFigure], options: CheckOptions
) -> list[Finding]:
    """Check declared trade against declared production and against the partners' trade.

    Trade with a partner counts towards a participant's total where no total for all partners is declared. Only what is
    declared on both sides is held together: where one side says nothing, that is no finding here.

    Returns
    -------
    list of Finding
        Balance (production + imports + opening stock - exports below zero), mirror trade and certificates between
        pairs (exports of a quarter against imports of the same and the next one, over all quarters both declared),
        and production against export unit value by half-year.
    """
    current = _current(trades)
    found: list[Finding] = []
    for series in series_of(current_figures(figures)):
        own = [trade for trade in current if trade.iso3 == series.iso3]
        found += _balance(series, own, options)
        found += _unit_values(series, own, options)
    for pair in _pairs(current):
        found += _mirror(pair, options)
    return sorted((put_into_words(one) for one in found), key=lambda one: (one.iso3, one.periods[0], one.rule))


def _current(trades: Iterable[TradeFigure]) -> list[TradeFigure]:
    """Return the newest vintage of each figure."""
    newest: dict[tuple[object, ...], TradeFigure] = {}
    for trade in trades:
        key = (trade.iso3, trade.flow, trade.partner_iso3, trade.period.label)
        held = newest.get(key)
        if held is None or str(held.as_published_on or "") <= str(trade.as_published_on or ""):
            newest[key] = trade
    return list(newest.values())


def _quarter_of(period: Period) -> int:
    """Return the quarter a period begins in, counted from 1970Q1."""
    date = date_of(period.start_day)
    return 4 * (date.year - 1970) + (date.month - 1) // 3


def _by_half(trades: Sequence[TradeFigure], flow: Flow) -> dict[int, tuple[float, float]]:
    """Return carats and US$ by half-year, of half-years declared whole: totals where there are, else partners.

    A row of the half-year counts and not its quarters beside it; a row of a whole year says nothing of its halves.
    """
    halves: dict[int, dict[int, list[TradeFigure]]] = defaultdict(lambda: defaultdict(list))
    for trade in trades:
        if trade.flow is flow and trade.period.label[4:]:
            halves[number_of(trade.period)][_quarter_of(trade.period)].append(trade)
    found = {}
    for number, quarters in halves.items():
        of_half = [row for given in quarters.values() for row in given if "H" in row.period.label]
        rows = []
        for given in [of_half] if of_half else quarters.values():
            totals = [row for row in given if not row.partner_iso3]
            rows += totals or given
        is_whole = bool(of_half) or len(quarters) == 2
        if is_whole:
            carats = sum(row.carats or 0.0 for row in rows)
            values = [row.value_usd for row in rows if row.kind is DeclaredKind.FIGURE]
            found[number] = carats, math.nan if None in values else sum(value or 0.0 for value in values)
    return found


def _balance(series: Series, own: Sequence[TradeFigure], options: CheckOptions) -> Iterator[Finding]:
    """Find where exports first exceed all that ever came in: production, imports, the opening stock."""
    imports, exports = _by_half(own, Flow.IMPORT), _by_half(own, Flow.EXPORT)
    stocks = {number_of(row.period): row.carats or 0.0 for row in own if row.flow is Flow.STOCK}
    held, came_in = 0.0, 0.0
    for half in series.points:
        if half.number not in exports or half.kind is DeclaredKind.MISSING:
            held, came_in = stocks.get(half.number, 0.0), stocks.get(half.number, 0.0)
            continue
        new = (0.0 if math.isnan(half.carats) else half.carats) + imports.get(half.number, (0.0, 0.0))[0]
        came_in += new
        held += new - exports[half.number][0]
        if held < 0.0 and -held > options.balance_frac * max(came_in, 1.0):
            numbers = {"excess_ct": -held, "excess_frac": -held / max(came_in, 1.0), "came_in_ct": came_in}
            yield _finding(Rule.BALANCE, series.iso3, series.participant, (half.period.label,), numbers)
            held, came_in = 0.0, 0.0
        if half.number in stocks:
            held, came_in = stocks[half.number], stocks[half.number]


def _unit_values(series: Series, own: Sequence[TradeFigure], options: CheckOptions) -> Iterator[Finding]:
    """Find half-years whose exports are priced quite unlike their production: the weak stand-in for a footprint."""
    exports = _by_half(own, Flow.EXPORT)
    for number, (carats, value_usd) in sorted(exports.items()):
        half = series.at(number)
        if half is None or math.isnan(half.price) or not half.price or carats < options.price_least_ct:
            continue
        price = value_usd / carats
        factor = max(price / half.price, half.price / price) if price > 0.0 else math.nan
        if factor >= options.price_factor:
            numbers = {"production_usd_per_ct": half.price, "export_usd_per_ct": price, "factor": factor}
            yield _finding(Rule.EXPORT_UNIT_VALUE, series.iso3, series.participant, (label_of(number),), numbers)


def _pairs(trades: Sequence[TradeFigure]) -> Iterator[_Pair]:
    sent: dict[tuple[str, str], dict[int, TradeFigure]] = defaultdict(dict)
    come: dict[tuple[str, str], dict[int, TradeFigure]] = defaultdict(dict)
    for trade in trades:
        if trade.partner_iso3 and "Q" in trade.period.label and trade.flow is not Flow.STOCK:
            is_export = trade.flow is Flow.EXPORT
            key = (trade.iso3, trade.partner_iso3) if is_export else (trade.partner_iso3, trade.iso3)
            (sent if is_export else come)[key][_quarter_of(trade.period)] = trade
    for key in sorted(sent.keys() & come.keys()):
        first = next(iter(sent[key].values())), next(iter(come[key].values()))
        yield _Pair(sender=first[0], taker=first[1], sent=sent[key], come=come[key])


def _mirror(pair: _Pair, options: CheckOptions) -> Iterator[Finding]:
    """Hold exports against imports over each unbroken run of quarters that both declared.

    Goods of a run's last quarter may come in the quarter after it, and what came in its first may have left the quarter
    before. A difference that these two ends can explain is none.
    """
    for run in _runs(sorted(pair.sent.keys() & pair.come.keys())):
        exported = sum(pair.sent[q].carats or 0.0 for q in run)
        imported = sum(pair.come[q].carats or 0.0 for q in run)
        slack = max(pair.sent[run[-1]].carats or 0.0, pair.come[run[0]].carats or 0.0) if len(run) > 1 else 0.0
        off = abs(exported - imported) - slack
        periods = (pair.sent[run[0]].period.label, pair.sent[run[-1]].period.label)
        if max(exported, imported) >= options.mirror_least_ct and off > options.mirror_frac * max(exported, imported):
            numbers = {"exported_ct": exported, "imported_ct": imported, "slack_ct": slack}
            yield _pair_finding(Rule.MIRROR_TRADE, pair, periods, numbers)
        elif max(exported, imported) >= options.mirror_least_ct:
            yield from _mirror_values(pair, run, periods, options)
        issued = [pair.sent[q].certificates for q in run]
        received = [pair.come[q].certificates for q in run]
        if None not in issued and None not in received:
            n_issued, n_received = sum(n or 0 for n in issued), sum(n or 0 for n in received)
            ends = max(issued[-1] or 0, received[0] or 0) if len(run) > 1 else 0
            if abs(n_issued - n_received) > ends + options.mirror_frac * max(n_issued, n_received):
                numbers = {"issued": float(n_issued), "received": float(n_received)}
                yield _pair_finding(Rule.MIRROR_CERTIFICATES, pair, periods, numbers)


def _mirror_values(
    pair: _Pair, run: Sequence[int], periods: tuple[str, ...], options: CheckOptions
) -> Iterator[Finding]:
    """Hold the values of goods whose carats agree against each other; the two ends of a run as in `_mirror`."""
    sent, come = [pair.sent[q].value_usd for q in run], [pair.come[q].value_usd for q in run]
    if None in sent or None in come:
        return
    exported, imported = sum(value or 0.0 for value in sent), sum(value or 0.0 for value in come)
    ends = max(sent[-1] or 0.0, come[0] or 0.0) if len(run) > 1 else 0.0
    if abs(exported - imported) - ends > options.mirror_value_frac * max(exported, imported):
        numbers = {"exported_usd": exported, "imported_usd": imported}
        yield _pair_finding(Rule.MIRROR_VALUE, pair, periods, numbers)


def _runs(quarters: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for quarter in quarters:
        if run and quarter != run[-1] + 1:
            yield run
            run = []
        run.append(quarter)
    if run:
        yield run


def _pair_finding(rule: Rule, pair: _Pair, periods: tuple[str, ...], numbers: dict[str, float]) -> Finding:
    return _finding(
        rule, pair.sender.iso3, pair.sender.participant, periods, numbers, (pair.taker.iso3, pair.taker.participant)
    )


def _finding(
    rule: Rule,
    iso3: str,
    participant: str,
    periods: tuple[str, ...],
    numbers: dict[str, float],
    partner: tuple[str, str] = ("", ""),
) -> Finding:
    return Finding(
        id=make_id("finding", rule, iso3, partner[0], *periods),
        rule=rule,
        weight=Weight.QUESTION,
        participant=participant,
        iso3=iso3,
        periods=periods,
        numbers=numbers,
        partner_iso3=partner[0],
        partner=partner[1],
    )
