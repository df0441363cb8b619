"""A participant's page: the comparisons' own numbers, told apart without colour, in every language."""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kpgeo.brief import FieldFacts, ParticipantInputs, compose_brief, compose_participant, render_docx, render_html
from kpgeo.brief import declared_chart as module
from kpgeo.brief.content import Facts, Picture, Table
from kpgeo.brief.declared_chart import PeriodRow, declared_chart, period_rows
from kpgeo.brief.pdf import render_pdf
from kpgeo.brief.words import NBSP, Words
from kpgeo.model.aoi import LabourPriors, Prior, Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.finding import Finding, Rule, Weight
from kpgeo.model.production import CapacityInterval, DeclaredKind, NotAssessable, Sector, Verdict
from kpgeo.model.site import Area
from kpgeo.options.brief import BriefOptions

LABOUR = CapacityInterval(
    low_ct=1_900.0,
    median_ct=7_300.0,
    high_ct=26_000.0,
    spread_frac={"standing_area": 0.11, "pits_per_ha": 0.27, "grade_ct_per_m3": 0.62},
    draws=20_000,
)
PUBLISHED = CapacityInterval(low_ct=480_000.0, median_ct=588_000.0, high_ct=720_000.0, spread_frac={}, draws=0)
OUTSIDE = Area(ha=0.83, low_ha=0.51, high_ha=1.34)
GUESSED = Sourced(source="Interviews in a neighbouring field", confidence="low", mark="(B-L)")


def make_finding(number=1, *, weight=Weight.QUESTION, period="2025H1", text="41,250 ct, ten times the year before."):
    words = dict.fromkeys(("en", "fr", "pt"), f"{text} [{number}]")
    return Finding(
        id=f"finding-{number}",
        rule=Rule.JUMP,
        weight=weight,
        participant="Côte d'Ivoire",
        iso3="CIV",
        periods=("2024H1", period),
        numbers={"factor": 10.0},
        sentences=words,
        questions=dict.fromkeys(("en", "fr", "pt"), f"What explains it? [{number}]"),
    )


def make_labour():
    def prior(low, high):
        return Prior(family="uniform", low=low, high=high, source=GUESSED)

    return LabourPriors(
        pits_per_ha=prior(1.25, 6.0), miners_per_pit=prior(3.0, 10.0), days_per_year=prior(120.0, 240.0),
        m3_per_miner_day=prior(0.2, 0.8),
    )  # fmt: skip


def with_labour(aoi):
    first, *others = aoi.strata
    return replace(aoi, strata=(replace(first, priors=replace(first.priors, labour=make_labour())), *others))


@pytest.fixture(scope="module")
def participant(world):
    """Return what is known of a participant: four half-years compared, a year before them only declared."""
    inputs = world.inputs()
    first, second, third, last = inputs.comparisons
    outside = replace(third.activities[0], stratum_id="", new_area=OUTSIDE, sites=2)
    third = replace(third, labour=LABOUR, activities=(*third.activities, outside))
    last = replace(last, coverage_frac=0.12, reasons=(NotAssessable.COVERAGE, NotAssessable.MISSING_SUBMISSION))
    return ParticipantInputs(
        participant="Côte d'Ivoire",
        iso3="CIV",
        aois=[with_labour(inputs.aoi)],
        comparisons=[last, first, third, second],
        declared=inputs.declared,
        totals=inputs.declared,
        findings=[make_finding(1), make_finding(2, weight=Weight.NOTE)],
        fields=[
            FieldFacts(names={"en": "Séguéla"}, area_ha=9_000.0, is_watched=True, coverage=inputs.coverage),
            FieldFacts(names={"en": "Tortiya"}, area_ha=3_000.0, is_watched=False),
        ],
    )


@pytest.fixture(scope="module")
def pages(participant, quick):
    return {language: compose_participant(participant, language, quick) for language in ("en", "fr", "pt")}


def table_of(content, words):
    [table] = [block for block in content.blocks if isinstance(block, Table) and words in block.caption]
    return table


def pixels_of(rows):
    """Return a figure as a black and white printer sees it, uint8 (y, x)."""
    picture = Image.open(io.BytesIO(declared_chart(rows, Words("en"), 120)))
    return np.asarray(picture.convert("L")).astype(int)


def test_every_number_of_the_table_is_the_comparisons_own(participant, pages):
    rows = {row[0]: row for row in table_of(pages["en"], "held against activity and capacity").rows}
    assert list(rows) == ["2024H1", "2024H2", "2025H1", "2025H2"]
    words = Words("en")
    for one in participant.comparisons:
        _, area, seen, declared, by_area, by_people, odds, reading = rows[one.period.label]
        new = one.activities[0].new_area
        assert area == f"{words.hectares(new.ha)} ({words.hectares(new.low_ha)}–{words.hectares(new.high_ha)})"
        assert seen == words.percent(one.coverage_frac)
        if one.declared.carats is not None:
            assert declared == words.number(one.declared.carats)
        assert by_area.startswith(words.rounded(one.capacity.median_ct))
        assert by_people == ("7,300 (1,900–26,000)" if one.labour else "–")
        assert odds == ("–" if one.prob_above_capacity is None else words.percent(one.prob_above_capacity))
        assert ("not assessable" in reading) == (one.verdict is Verdict.NOT_ASSESSABLE)


def test_zero_none_and_missing_are_three_words(world, participant, quick):
    zero = replace(participant.comparisons[0].declared, kind=DeclaredKind.FIGURE, carats=0.0)
    none = replace(zero, kind=DeclaredKind.NO_PRODUCTION, carats=None)
    missing = replace(zero, kind=DeclaredKind.MISSING, carats=None)
    said = set()
    for figure in (zero, none, missing):
        row = replace(participant.comparisons[0], declared=figure)
        content = compose_participant(replace(participant, comparisons=[row]), "en", quick)
        said.add(table_of(content, "held against").rows[0][3])
    assert said == {"0", "no production", "missing"}


def test_a_period_that_cannot_be_assessed_says_every_reason(pages):
    reading = table_of(pages["en"], "held against").rows[-1][-1]
    assert reading == "not assessable: too little of the ground was seen, no submission is known"


def test_vintage_source_and_mark_go_with_each_figure(pages):
    row = next(row for row in table_of(pages["en"], "Declared production").rows if row[0] == "2025H1")
    assert row[5] == f"1{NBSP}Sept{NBSP}2025"
    assert row[6] == "KP statistics, public table (B-H); medium confidence"


def test_ways_of_mining_are_told_apart(world, participant, quick):
    figure = participant.declared[0]
    split = [replace(figure, sector=sector) for sector in (Sector.ARTISANAL, Sector.INDUSTRIAL)]
    content = compose_participant(replace(participant, declared=split), "fr", quick)
    scopes = [row[1] for row in table_of(content, "Production déclarée").rows]
    assert scopes == ["Côte d’Ivoire, artisanal", "Côte d’Ivoire, industriel"]


def test_digging_outside_the_strata_is_kept_apart(participant, pages):
    table = table_of(pages["en"], "Kept apart")
    assert [row[:3] for row in table.rows] == [("2025H1", "0.83 (0.51–1.3)", "2")]
    dug = table_of(pages["en"], "held against").rows[2][1]
    assert dug == "5.2 (3.6–7.3)", "the area outside is in no other number"


def test_both_routes_stand_with_their_priors_and_their_spread(pages):
    priors = table_of(pages["en"], "Priors of the capacity")
    named = {row[1] for row in priors.rows}
    assert {"pits worked at a time, n (per ha)", "gravel a miner wins in a day, v (m³)", "grade, G (ct/m³)"} <= named
    assert ("Legbo flat", "pits worked at a time, n (per ha)", "uniform between 1.25 and 6") in [
        row[:3] for row in priors.rows
    ]
    assert all(row[3].endswith("confidence") for row in priors.rows)


def test_the_spread_is_that_of_the_latest_capacity(participant, quick):
    third = next(one for one in participant.comparisons if one.labour)
    content = compose_participant(replace(participant, comparisons=[third]), "en", quick)
    spread = table_of(content, "Where the width of the interval comes from, 2025H1")
    assert spread.rows[0] == ("grade, G (ct/m³)", f"41{NBSP}%", f"62{NBSP}%")
    assert ("pits worked at a time, n (per ha)", "–", f"27{NBSP}%") in spread.rows
    assert f"The newly dug area carries 6{NBSP}% of the width." in spread.note


def test_findings_are_asked_and_notes_are_counted(participant, pages, said):
    table = table_of(pages["en"], "What the statistical checks ask")
    assert table.rows == (("2024H1, 2025H1", "41,250 ct, ten times the year before. [1]", "What explains it? [1]"),)
    assert "1 further finding is listed" in said(pages["en"])


def test_where_kpgeo_looked(pages):
    seguela, tortiya = table_of(pages["en"], "Fields of the participant").rows
    assert seguela[:3] == ("Séguéla", "90", "watched")
    assert seguela[3].endswith("%")
    assert tortiya == ("Tortiya", "30", "not watched", "–")
    [facts] = [block for block in pages["en"].blocks if isinstance(block, Facts)]
    assert (facts.items[-1].value, facts.items[-1].note) == ("1 of 2", f"75{NBSP}% of their area")


def test_imagery_never_decides_alone_on_any_page(pages, said):
    assert "Imagery never decides alone" in said(pages["en"])
    for language, words in (("fr", ("illégal", "illicite")), ("pt", ("ilegal", "ilícit")), ("en", ("illegal",))):
        assert not [word for word in words if word in said(pages[language]).lower()]


def test_no_english_is_left(pages, said):
    english = set(said(pages["en"]).splitlines())
    by_others = (
        "KP statistics",
        "Survey",
        "Analogy",
        "Interviews",
        "41,250 ct",
        "What explains it",
        "kpgeo ·",
        "2024H1–2025H2",
    )
    for language in ("fr", "pt"):
        lines = [line for line in said(pages[language]).splitlines() if line in english and len(line.split()) > 2]
        assert not [line for line in lines if not line.startswith(by_others) and any(c.isalpha() for c in line)]


def test_the_page_carries_the_label_of_its_areas(world, participant, quick):
    assert compose_participant(participant, "en", quick).label == "KP ONLY – not for release"
    free = replace(participant, aois=[world.aoi(sensitivity="public")], simulated=True)
    assert compose_participant(free, "en", quick).label == "SIMULATED WORLD"


def test_a_participant_nobody_watches_has_a_page(participant, quick, said):
    published = [
        replace(one, activities=(), coverage_frac=0.0, capacity=PUBLISHED, labour=None)
        for one in participant.comparisons
    ]
    inputs = replace(participant, aois=(), comparisons=published, fields=participant.fields[1:])
    content = compose_participant(inputs, "en", quick)
    table = table_of(content, "held against")
    assert [column.title for column in table.columns][4:6] == ["Published capacity, ct", "Capacity below declared"]
    assert {row[4] for row in table.rows} == {"590,000 (480,000–720,000)"}
    assert "Where the width" not in said(content)
    assert "newly dug, 2025" not in said(content)


def test_a_participant_of_which_nothing_is_known_has_a_page(quick, said):
    content = compose_participant(ParticipantInputs(participant="Nowhere", iso3="XNW"), "pt", quick)
    assert not [block for block in content.blocks if isinstance(block, Picture)]
    assert "Nowhere" in content.title
    assert render_pdf(content).startswith(b"%PDF")


def test_an_older_figure_is_left_out_unless_it_was_compared(participant, quick):
    old = replace(participant.declared[0], period=Period.parse("2016H1"))
    inputs = replace(participant, declared=[old, *participant.declared], totals=[old, *participant.totals])
    assert "2016H1" not in [row[0] for row in table_of(compose_participant(inputs, "en", quick), "Declared prod").rows]
    wide = BriefOptions(picture_dpi=72, years_of_figures=12)
    assert "2016H1" in [row[0] for row in table_of(compose_participant(inputs, "en", wide), "Declared prod").rows]


def test_the_years_of_a_page_do_not_stand_beside_their_own_halves(participant):
    whole = replace(participant.comparisons[0], period=Period.parse("2024"))
    rows = period_rows([whole], participant.totals)
    assert [row.period.label for row in rows] == ["2023H2", "2024", "2025H1", "2025H2"]


HOSTILE = '<script>alert(1)</script> #read("/etc/passwd") $x$ =1+1 a\u202eb\u0000c {0} \u6f22'


def test_hostile_words_stay_words(participant, quick, said):
    figure = replace(
        participant.declared[0], participant=HOSTILE, iso3="XXX", source=Sourced(source=HOSTILE, confidence="low")
    )
    finding = replace(make_finding(text=HOSTILE), participant=HOSTILE)
    spoken = replace(participant.comparisons[0], sentences={"en": (HOSTILE,)}, declared=figure)
    inputs = replace(
        participant,
        participant=HOSTILE,
        iso3="XXX",
        comparisons=[spoken],
        declared=[figure],
        totals=[figure],
        findings=[finding],
        fields=[FieldFacts(names={"en": HOSTILE}, area_ha=1.0, is_watched=False)],
    )
    content = compose_participant(inputs, "en", quick)
    assert "\u202e" not in said(content)
    assert "\x00" not in said(content)
    assert '#read("/etc/passwd")' in said(content)
    page = render_html(content)
    assert b"<script" not in page
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert b"://" not in page
    assert render_pdf(content).startswith(b"%PDF")
    assert render_docx(content)


def test_the_same_page_is_the_same_bytes(participant, pages, quick):
    again = compose_participant(participant, "fr", quick)
    assert again == pages["fr"]
    assert render_pdf(again) == render_pdf(pages["fr"])


@pytest.fixture(scope="module")
def kinds(participant):
    """Return rows that differ only in what was declared, in the same place of the figure."""
    base = next(one for one in participant.comparisons if one.labour)
    figure = base.declared
    declared = {
        "figure": figure,
        "zero": replace(figure, carats=0.0),
        "none": replace(figure, kind=DeclaredKind.NO_PRODUCTION, carats=None),
        "missing": replace(figure, kind=DeclaredKind.MISSING, carats=None),
    }
    rows = {name: replace(base, declared=one) for name, one in declared.items()}
    rows["for more"] = replace(base, reasons=(NotAssessable.SCOPE,))
    # a neighbour that is the same in all keeps the scale of the axes
    neighbour = replace(base, period=Period.parse("2024H2"), declared=replace(figure, period=Period.parse("2024H2")))
    return {name: period_rows([neighbour, row], []) for name, row in rows.items()}


def test_what_was_declared_is_told_apart_in_black_and_white(kinds):
    drawn = {name: pixels_of(rows) for name, rows in kinds.items()}
    for one, other in itertools.combinations(drawn, 2):
        height = min(len(drawn[one]), len(drawn[other]))
        differs = np.abs(drawn[one][:height] - drawn[other][:height]) > 60
        assert differs.sum() > 150, (one, other)


def breaks_of(comparison):
    """Return how often the interval beside the bar of a figure of one period is broken, from end to end."""
    beside = pixels_of(period_rows([comparison], []))[245:395, 225:420] < 180
    column = beside[:, int(beside.sum(axis=0).argmax())]
    assert column.sum() > 20, "there is a line"
    return int(np.count_nonzero(np.diff(column.astype(int)) == -1))


def test_the_routes_are_told_apart_by_their_lines(participant):
    base = next(one for one in participant.comparisons if one.labour)
    span = {"low_ct": 5_000.0, "median_ct": 20_000.0, "high_ct": 40_000.0}
    line, published = replace(LABOUR, **span), replace(PUBLISHED, **span)
    by_area = breaks_of(replace(base, capacity=line, labour=None))
    by_people = breaks_of(replace(base, capacity=None, labour=line))
    assert by_area <= 3, "one line, broken by its mark only"
    assert by_people > 2 * by_area
    assert breaks_of(replace(base, capacity=published, labour=None)) > 1.5 * by_people


def test_what_was_not_seen_is_hatched(participant):
    seen = next(one for one in participant.comparisons if one.labour)
    blind = replace(seen, coverage_frac=0.0)
    little = replace(seen, reasons=(NotAssessable.COVERAGE,), coverage_frac=0.12)
    panels = [pixels_of(period_rows([one], []))[20:160, 100:330] for one in (seen, blind, little)]
    dark = [float((panel < 160).mean()) for panel in panels]
    assert dark[1] > 4 * dark[0]
    assert dark[2] > 4 * dark[0]


def test_bars_and_capacity_differ_in_lightness():
    def lightness(colour):
        return int(np.asarray(Image.new("RGB", (1, 1), colour).convert("L"))[0, 0])

    bar, lines = lightness(module._DECLARED_FACE), [module._BY_AREA, module._BY_LABOUR, module._PUBLISHED]
    assert all(bar - lightness(line.colour) > 50 for line in lines)
    assert len({(str(line.style), line.marker) for line in lines}) == len(lines)


def test_the_brief_of_an_area_holds_the_same(world, quick, said):
    inputs = world.inputs()
    third = replace(inputs.comparisons[2], labour=LABOUR)
    known = replace(
        inputs, aoi=with_labour(inputs.aoi), comparisons=[third], totals=inputs.declared, findings=[make_finding()]
    )
    content = compose_brief(known, "en", quick)
    assert table_of(content, "What the statistical checks ask").rows[0][2] == "What explains it? [1]"
    assert table_of(content, "held against").rows[0][5] == "7,300 (1,900–26,000)"
    assert "pits worked at a time, n (per ha)" in said(content)
    shorter = compose_brief(known, "en", BriefOptions(picture_dpi=72, max_sites_with_chips=0, max_findings_listed=0))
    assert "What explains it?" not in said(shorter)
    assert "1 further finding is listed" in said(shorter)


def test_an_interval_stays_readable_beside_a_figure_a_hundred_times_as_high(participant):
    base = next(one for one in participant.comparisons if one.labour)
    line = replace(LABOUR, low_ct=500.0, median_ct=2_000.0, high_ct=4_000.0)
    huge = replace(base.declared, carats=400_000.0)
    beside = pixels_of(period_rows([replace(base, declared=huge, capacity=line, labour=None)], []))[245:395, 225:420]
    assert (beside < 180).sum(axis=0).max() > 40, "px of 160"


def test_bars_are_cut_only_where_they_stand_out(participant):
    base = next(one for one in participant.comparisons if one.labour)
    line = replace(LABOUR, low_ct=500.0, median_ct=2_000.0, high_ct=4_000.0)

    def limit(*carats):
        rows = [
            PeriodRow(
                period=Period.parse(f"{2010 + place}H1"),
                comparison=replace(base, capacity=line, labour=None),
                declared=replace(base.declared, carats=one, period=Period.parse(f"{2010 + place}H1")),
            )
            for place, one in enumerate(carats)
        ]
        return module._limit_of(rows)

    assert limit(3_000.0, 5_000.0, 400_000.0) == 10_000.0
    assert limit(400_000.0, 380_000.0, 390_000.0) > 400_000.0, "their trend is to be seen"
    assert limit(9_000.0) > 9_000.0
    assert module._limit_of(period_rows([], participant.totals)) == np.inf
