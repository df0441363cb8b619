"""The whole evaluation: which worlds, what comes of them, and the page, the figures and the picture made of it."""

import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.choosing import Best, best_of
from benchmarks.common import DOCS, machine, table, write_page
from benchmarks.detection_picture import draw_detection
from benchmarks.detection_words import LIMITS, PROTOCOL
from benchmarks.measuring import Job, Plan, Result, measure_all, measure_cube
from benchmarks.scoring import (
    HEADLINE_RATE,
    RATES,
    EventScore,
    grounds_of,
    resampled,
    score_alarms,
    score_events,
    threshold_for,
)
from benchmarks.settings import SETTINGS
from kpgeo import assess
from kpgeo.assess import PixelScore, Reliability, Score

TUNING, PIXELS, EVENTS = "tuning", "pixels", "events"
_MIXED_SEED = 1301
_EVENT_RATES = (*RATES, 1e-5)


@dataclass(frozen=True, kw_only=True)
class SettingReport:
    """kpgeo and the peers in one setting."""

    name: str
    about: str
    results: tuple[Result, ...]
    own: PixelScore
    own_intervals: dict[str, tuple[float, float]]
    fixed: dict[float, PixelScore]
    events: dict[str, EventScore]
    grounds: dict[str, tuple[int, float]]
    calibration: Reliability
    claims: Reliability | None
    peers: dict[str, Best]

    @property
    def best_peer(self) -> tuple[str, Best] | None:
        """Return the peer that finds most of those that come down to the headline rate."""
        reaching = [(family, best) for family, best in self.peers.items() if best.reaches]
        return max(reaching, key=lambda pair: pair[1].score.found_frac) if reaching else None


def plan_jobs(*, quick: bool, cache: Path | None) -> list[Job]:
    """Return every world of the evaluation, those that take longest first."""
    if quick:
        pixels, events = (
            Plan(size_px=128, monitored_years=1.0),
            Plan(size_px=128, monitored_years=1.0, site_density=1.0),
        )
        seeds = {
            TUNING: range(1, 2),
            "main": range(1001, 1002),
            "shifted": range(1021, 1022),
            EVENTS: range(1101, 1102),
        }
        shifted = ["few-looks"]
    else:
        pixels, events = Plan(), Plan(size_px=512, monitored_years=5.0, site_density=1.0)
        seeds = {
            TUNING: range(1, 3),
            "main": range(1001, 1003),
            "shifted": range(1021, 1022),
            EVENTS: range(1101, 1109),
        }
        shifted = ["spectra", "haze", "fires", "few-looks", "shifted"]
    jobs = [Job(role=EVENTS, setting="standard", seed=s, plan=events, cache=cache) for s in seeds[EVENTS]]
    jobs += [
        Job(role=PIXELS, setting=name, seed=s, plan=pixels, peers="few" if quick else "full", cache=cache)
        for name in ("standard", "hard")
        for s in seeds["main"]
    ]
    jobs += [
        Job(role=PIXELS, setting=name, seed=s, plan=pixels, peers="few" if quick else "best", cache=cache)
        for name in shifted
        for s in seeds["shifted"]
    ]
    return jobs + [
        Job(role=TUNING, setting="standard", seed=s, plan=pixels, with_sites=False, cache=cache) for s in seeds[TUNING]
    ]


def mixed_results(cache: Path) -> dict[str, tuple[str, list[Result]]]:
    """Measure pits mixed into real series, where the real series are at hand: (what they are, results) by name."""
    try:
        from benchmarks.mixed import mixed_cubes  # noqa: PLC0415 (they need the real series)
        from benchmarks.real_series import REFERENCE  # noqa: PLC0415
    except ImportError as error:
        print(f"no pits in real series: {error}")
        return {}
    if not REFERENCE.exists():
        print("no pits in real series: the imagery is not at hand")
        return {}
    return {
        one.name: (
            one.about,
            [measure_cube(cube, PIXELS, one.name, "best", with_sites=False) for cube in one.cubes],
        )
        for one in mixed_cubes(_MIXED_SEED, REFERENCE, cache)
    }


def report_of(name: str, about: str, results: Sequence[Result], thresholds: dict[float, float]) -> SettingReport:
    """Put one setting together; `thresholds` by target rate were fixed on tuning worlds."""
    sets, traces = [one.pixels for one in results], [one.trace for one in results]
    alarms = [trace.alarms(threshold_for(traces, HEADLINE_RATE)) for trace in traces]
    claims = [one.claims for one in results if one.claims is not None]
    return SettingReport(
        name=name,
        about=about,
        results=tuple(results),
        own=score_alarms(sets, alarms),
        own_intervals=resampled(sets, alarms),
        fixed={rate: score_alarms(sets, [t.alarms(level) for t in traces]) for rate, level in thresholds.items()},
        events=score_events(sets, alarms),
        grounds=grounds_of(sets, alarms),
        calibration=assess.pool_reliability([one.calibration for one in results if one.calibration is not None]),
        claims=assess.pool_reliability(claims) if claims else None,
        peers=best_of(results, HEADLINE_RATE) if results[0].peer_alarms else {},
    )


def write_detection_page(*, quick: bool, processes: int, cache: Path | None) -> None:
    """Run the whole evaluation and write its page, its figures as JSON and its picture."""
    begin, about = time.perf_counter(), machine()

    def tell(text: str) -> None:
        print(f"{time.perf_counter() - begin:5.0f} s  {text}", flush=True)

    results = measure_all(plan_jobs(quick=quick, cache=cache), processes, tell)
    tuning = [one.trace for one in results if one.role == TUNING]
    thresholds = {rate: threshold_for(tuning, rate) for rate in _EVENT_RATES}
    reports = [
        report_of(name, SETTINGS[name].about, [r for r in results if (r.role, r.setting) == (PIXELS, name)], thresholds)
        for name in SETTINGS
        if any((r.role, r.setting) == (PIXELS, name) for r in results)
    ]
    with tempfile.TemporaryDirectory(prefix="kpgeo-bench-") as folder:
        mixed = {} if quick else mixed_results(cache or Path(folder))
    reports += [report_of(name, what, found, thresholds) for name, (what, found) in mixed.items() if found]
    events = [one for one in results if one.role == EVENTS]
    DOCS.mkdir(parents=True, exist_ok=True)
    draw_detection(reports, DOCS / "detection.png")
    minutes = (time.perf_counter() - begin) / 60.0
    text = page(reports, events, thresholds, quick=quick)
    call = "make bench-accuracy" if not quick else "python -m benchmarks.detection --page --quick"
    write_page("detection", f"{text}\n{about} `{call}`: {minutes:.0f} minutes in {processes} processes.\n")
    figures = {
        "settings": {one.name: setting_dict(one) for one in reports},
        "events": events_dict(events, thresholds),
        "thresholds_log_odds": {f"{rate:g}": level for rate, level in thresholds.items()},
        "quick": quick,
    }
    (DOCS / "detection.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    tell(f"done, load {os.getloadavg()[0]:.1f}")


def page(
    reports: Sequence[SettingReport], events: Sequence[Result], thresholds: dict[float, float], *, quick: bool
) -> str:
    """Return the page."""
    parts = [
        "# Detection, against every published peer\n",
        "**A short run on few small worlds: it shows that the bench works, not how good anyone is.**\n"
        if quick
        else "",
        PROTOCOL,
        "## Against the aims\n",
        _aims(reports, events),
        "![Found against false alarms, lag, calibration](detection.png)\n",
        *(_setting_part(report) for report in reports if report.name in {"standard", "hard"}),
        "## Settings unlike those thresholds were chosen on\n",
        _shifted(reports),
        "## Target against achieved false-alarm rate\n",
        "Thresholds fixed on tuning worlds of the standard setting; achieved over target in each setting.\n",
        _calibrations(reports, events, thresholds),
        "## Sites and alerts\n",
        _sites(events),
        LIMITS,
    ]
    return "\n".join(part for part in parts if part)


def pooled_score(results: Sequence[Result]) -> Score:
    """Return sites and alerts of several worlds as one."""
    return assess.pool_scores([one.score for one in results if one.score is not None])


def _aims(reports: Sequence[SettingReport], events: Sequence[Result]) -> str:
    """Return the table of aims: what was aimed at and what came out."""
    rows: list[tuple[str, str, str, str]] = []
    for report in reports[:2]:
        aim, days = {"standard": (0.99, 24), "hard": (0.97, 40)}.get(report.name, (0.0, 0))
        peer = report.best_peer
        words = f"; best peer {peer[1].score.found_frac:.3f} ({peer[0]})" if peer else "; no peer comes down to it"
        found = f"{report.own.found_frac:.3f}{_span(report.own_intervals, 'found_frac', '.3f')}"
        rows.append(
            (f"found at 0.1 % a year, {report.name}", f">= {aim}", found + words, _mark(report.own.found_frac >= aim))
        )
        lag = report.own.lag.median_days
        rows.append((f"median lag of those, {report.name}", f"<= {days} d", f"{_days(lag)} d", _mark(lag <= days)))
    score = pooled_score(events)
    rate, low, high = score.false_rate()
    for size, aim in ((">=0.1", 0.95), ("0.03-0.1", 0.80)):
        found_n, total = score.recall(size)
        low_share, high_share = assess.wilson_interval(found_n, total)
        words = f"{found_n}/{total} ({low_share:.2f}-{high_share:.2f})"
        rows.append((f"sites of {size} ha found", f">= {aim}", words, _mark(found_n / total >= aim) if total else "-"))
    lag = score.lag_from_disturbed(">=0.05").median_days
    rows.append(("lag of sites, from 0.05 ha disturbed", "<= 20 d", f"{_days(lag)} d", _mark(lag <= 20)))
    rows.append(
        ("false alerts per 1,000 km2 and month", "<= 1", f"{rate:.2f} ({low:.2f}-{high:.2f})", _mark(rate <= 1))
    )
    ratio = sum(one.mapped_ha for one in events) / max(sum(one.true_ha for one in events), 1e-9)
    rows.append(("area of all sites together, mapped over true", "0.9-1.1", f"{ratio:.2f}", _mark(0.9 <= ratio <= 1.1)))
    for report in reports[:2]:
        claims = report.claims.ece if report.claims else float("nan")
        words = f"{report.calibration.ece:.4f} of all pixels, {claims:.3f} where p >= 0.05"
        rows.append(
            (f"calibration error, {report.name}", "<= 0.05", words, _mark(max(report.calibration.ece, claims) <= 0.05))
        )
    return table(("", "aim", "measured", "reached"), rows)


def _mark(reached: bool) -> str:  # noqa: FBT001
    return "yes" if reached else "no"


def _days(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.0f}"


def _span(intervals: dict[str, tuple[float, float]], name: str, form: str) -> str:
    if name not in intervals or np.isnan(intervals[name]).any():
        return ""
    low, high = intervals[name]
    return f" ({low:{form}}-{high:{form}})"


def _setting_part(report: SettingReport) -> str:
    """Return the table of one setting: kpgeo, and every peer at its best."""
    columns = (
        "method",
        "threshold",
        "false/px-year",
        "found",
        "early",
        "median lag d",
        "mean to 180 d",
        "30 d",
        "60 d",
    )
    rows = [
        ("**kpgeo**, as the peers: its best here", "", *_pixel_row(report.own, report.own_intervals)),
        ("**kpgeo**, threshold from tuning worlds", "", *_pixel_row(report.fixed[HEADLINE_RATE], {})),
    ]
    ordered = sorted(report.peers.items(), key=lambda pair: (not pair[1].reaches, -pair[1].score.found_frac))
    rows += [(family, best.config.threshold, *_pixel_row(best.score, best.intervals)) for family, best in ordered]
    mined = sum(len(one.pixels.event) for one in report.results)
    years = report.own.pixel_years
    events = "; ".join(
        f"{size} ha {one.found}/{one.total}" + (f" in {_days(one.lag.median_days)} d" if one.total else "")
        for size, one in report.events.items()
        if one.total
    )
    grounds = ", ".join(f"{name} {count}" for name, (count, _) in report.grounds.items() if count)
    return (
        f"## {report.name.capitalize()}: {report.about}\n\n{len(report.results)} worlds, {mined:,} pixels that became "
        f"mined, {years:,.0f} pixel-years of never-mined ones.\n\n{table(columns, rows)}\n"
        f"Workings, by kpgeo's pixels at this rate (a quarter of them alarmed): {events}.\n\n"
        f"What kpgeo's false pixels are: {grounds or 'none'}.\n"
    )


def _pixel_row(score: PixelScore, intervals: dict[str, tuple[float, float]]) -> tuple[str, ...]:
    lag = score.lag
    return (
        f"{score.false_rate:.1e}",
        f"{score.found_frac:.3f}{_span(intervals, 'found_frac', '.3f')}",
        str(score.early),
        f"{_days(lag.median_days)}{_span(intervals, 'median_days', '.0f')}",
        f"{lag.restricted_mean_days:.0f}",
        f"{lag.share_30:.2f}",
        f"{lag.share_60:.2f}",
    )


def _shifted(reports: Sequence[SettingReport]) -> str:
    rows = []
    for report in reports:
        fixed, peer = report.fixed[HEADLINE_RATE], report.best_peer
        words = (
            ("-", "-")
            if peer is None
            else (f"{peer[1].score.found_frac:.3f} ({peer[0]})", _days(peer[1].score.lag.median_days))
        )
        rows.append(
            (
                report.name,
                report.about,
                f"{report.own.found_frac:.3f}",
                _days(report.own.lag.median_days),
                *words,
                f"{fixed.found_frac:.3f} at {fixed.false_rate:.1e}",
                f"{report.calibration.ece:.4f}",
            )
        )
    columns = (
        "setting",
        "",
        "kpgeo found at 1e-3",
        "lag d",
        "best peer found",
        "lag d",
        "kpgeo, threshold from tuning",
        "calibration error",
    )
    return table(columns, rows)


def _calibrations(reports: Sequence[SettingReport], events: Sequence[Result], thresholds: dict[float, float]) -> str:
    rows = [(report.name, *(f"{report.fixed[rate].false_rate / rate:.2f}" for rate in RATES), "") for report in reports]
    large = achieved(events, thresholds)
    rows.append(
        (
            f"standard, {large['pixel_years']:,.0f} pixel-years",
            *(f"{large['rates'][f'{rate:g}'] / rate:.2f}" for rate in _EVENT_RATES),
        )
    )
    return table(("setting", *(f"{rate:g}" for rate in _EVENT_RATES)), rows)


def achieved(events: Sequence[Result], thresholds: dict[float, float]) -> dict[str, Any]:
    """Return pixel-years of the large worlds and the false-alarm rate at each threshold."""
    years = sum(len(one.trace.peaks) * one.pixels.truths.years for one in events)
    counts = {
        rate: sum(int((one.trace.peaks >= np.float32(level)).sum()) for one in events)
        for rate, level in thresholds.items()
    }
    return {"pixel_years": years, "rates": {f"{rate:g}": count / years for rate, count in counts.items()}}


def _sites(events: Sequence[Result]) -> str:
    score = pooled_score(events)
    months, years = score.km2_months, achieved(events, {})["pixel_years"]
    named = [one.score for one in events if one.score is not None]
    return (
        f"{len(events)} worlds of the standard setting, usual density of workings, {years:,.0f} pixel-years, "
        f"{months:,.0f} km2-months: looks folded dekad by dekad, sites outlined and linked and alerts raised by the "
        f"product's own steps.\n\n```\n{assess.format_table(named)}```\n"
    )


def events_dict(events: Sequence[Result], thresholds: dict[float, float]) -> dict[str, Any]:
    """Return sites, alerts and areas of the large worlds as JSON."""
    return {
        **pooled_score(events).to_dict(),
        "area_all_sites": {
            "mapped_ha": sum(one.mapped_ha for one in events),
            "true_ha": sum(one.true_ha for one in events),
        },
        "pixels": achieved(events, thresholds),
    }


def setting_dict(report: SettingReport) -> dict[str, Any]:
    """Return one setting as JSON."""
    return {
        "about": report.about,
        "worlds": [one.world for one in report.results],
        "kpgeo": report.own.to_dict() | {"intervals": report.own_intervals},
        "kpgeo_fixed": {f"{rate:g}": score.to_dict() for rate, score in report.fixed.items()},
        "false_on": {name: count for name, (count, _) in report.grounds.items()},
        "events": {
            size: {"found": one.found, "total": one.total, "lag": one.lag.to_dict()}
            for size, one in report.events.items()
        },
        "calibration_error": report.calibration.ece,
        "brier": report.calibration.brier,
        "calibration_error_claimed": report.claims.ece if report.claims else None,
        "peers": {
            family: best.score.to_dict() | {"threshold": best.config.threshold, "reaches": best.reaches}
            for family, best in report.peers.items()
        },
    }
