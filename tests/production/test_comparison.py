"""What a comparison says: every verdict, every reason, the positive controls, and the words."""

import dataclasses
import datetime as dt
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from kpgeo.model.aoi import DepositType, RegimeKind, Stratum
from kpgeo.model.calendar import Period
from kpgeo.model.errors import BadInputError
from kpgeo.model.production import DeclaredKind, NotAssessable, Verdict
from kpgeo.options.production import ProductionOptions
from kpgeo.production import compare_production, published_figures
from kpgeo.production.phrases import factor_names, participant_names, phrases

OPTIONS = ProductionOptions(draws=4096)
COVERING = ProductionOptions(draws=4096, covers_participant=("civ-seguela",))
NONE = DeclaredKind.NO_PRODUCTION
FORBIDDEN = re.compile(
    r"ill[eé]g|ileg|unlawful|crimin|fraud|smuggl|contreband|contraband|clandestin|"
    r"undeclared|non déclaré|não declarad|nao declarad|suspect|suspeit|cheat|guilty|coupable|culpad",
    re.IGNORECASE,
)


@pytest.fixture(scope="session")
def compare(make_aoi, make_activities):
    def run(label, figures=(), *, previous=(), options=OPTIONS, aoi=None, **activity):
        period = Period.parse(label)
        aoi = aoi or make_aoi()
        return compare_production(aoi, period, make_activities(period, **activity), figures, previous, options)

    return run


def test_declared_within_capacity_is_consistent(compare, make_figure):
    row = compare("2016", [make_figure("2016", 20_235.0)], flat=20.0)
    assert (row.verdict, row.reasons) == (Verdict.CONSISTENT, ())
    assert 0.1 < row.prob_above_capacity < 0.6
    assert "is explained under these priors" in " ".join(row.sentences["en"])
    assert row.coverage_frac == pytest.approx(0.8)


def test_declared_below_the_interval_is_consistent_because_capacity_is_a_ceiling(compare, make_figure):
    row = compare("2016", [make_figure("2016", 10.0)], flat=20.0)
    assert row.verdict is Verdict.CONSISTENT
    assert "ceiling" in " ".join(row.sentences["en"])


def test_declared_above_the_interval(compare, make_figure):
    row = compare("2016", [make_figure("2016", 150_000.0)], flat=20.0)
    assert row.verdict is Verdict.DECLARED_ABOVE_CAPACITY
    assert row.prob_above_capacity >= 0.95
    assert "is not explained under these priors" in " ".join(row.sentences["en"])
    assert "ne s’explique pas selon ces hypothèses" in " ".join(row.sentences["fr"])
    assert "não se explica segundo estes pressupostos" in " ".join(row.sentences["pt"])


def test_declared_output_where_no_digging_was_seen_is_above_capacity(compare, make_figure):
    assert compare("2016", [make_figure("2016", 20_235.0)]).verdict is Verdict.DECLARED_ABOVE_CAPACITY


def test_cote_d_ivoire_under_embargo_with_activity(compare):
    """Positive control: no rows in the statistics of 2006–2012, an embargo in force, and digging."""
    for year in ("2006", "2008", "2010", "2012"):
        row = compare(year, published_figures(), flat=20.0)
        assert row.verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION
        assert row.declared.kind is DeclaredKind.MISSING
        assert any("An embargo was in force" in line for line in row.sentences["en"])


def test_under_embargo_any_activity_counts_and_otherwise_only_from_the_least_area(compare, make_aoi):
    open_aoi = make_aoi(regimes=False)
    assert compare("2012", flat=0.1).verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION
    assert compare("2012", flat=0.1, aoi=open_aoi).verdict is Verdict.NOT_ASSESSABLE
    assert compare("2012", flat=0.5, aoi=open_aoi).verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION


@pytest.mark.parametrize(("kind", "carats"), [(NONE, None), (DeclaredKind.FIGURE, 0.0)])
def test_digging_where_nothing_was_declared(compare, make_figure, kind, carats):
    figures = [make_figure("2016", carats, kind=kind)]
    assert compare("2016", figures, flat=20.0).verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION
    assert compare("2016", figures).verdict is Verdict.CONSISTENT
    dark = compare("2016", figures, coverage=0.05)
    assert (dark.verdict, dark.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.COVERAGE,))


def test_activity_that_was_seen_is_stated_even_with_low_coverage(compare):
    assert compare("2016", flat=20.0, coverage=0.01).verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION


def test_without_coverage_nothing_else_can_be_said(compare, make_figure):
    row = compare("2016", [make_figure("2016", 150_000.0)], flat=20.0, coverage=0.1)
    assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.COVERAGE,))
    both = compare("2016", coverage=0.0)
    assert both.reasons == (NotAssessable.COVERAGE, NotAssessable.MISSING_SUBMISSION)


def test_missing_submission_without_activity(compare, make_figure):
    for figures in ([], [make_figure("2016")]):
        row = compare("2016", figures)
        assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.MISSING_SUBMISSION,))


def test_a_participants_total_is_not_held_against_one_place(compare):
    row = compare("2016", published_figures(), flat=20.0)
    assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.SCOPE,))
    assert row.prob_above_capacity is None
    assert row.capacity is not None
    assert "Séguéla is one place among those the declared figure may cover." in row.sentences["en"]
    assert compare("2016", published_figures(), flat=20.0, options=COVERING).verdict is Verdict.CONSISTENT


def test_the_figure_of_the_place_goes_before_its_participants(compare, make_figure):
    figures = [make_figure("2016", 1.0), make_figure("2016", 9e6, aoi_id="")]
    assert compare("2016", figures, flat=20.0, options=COVERING).declared.carats == 1.0
    # but a place that is missing does not hide the participant's figure
    missing = [make_figure("2016"), make_figure("2016", 9e6, aoi_id="")]
    assert compare("2016", missing, flat=20.0, options=COVERING).declared.carats == 9e6


def test_no_production_of_the_participant_speaks_of_every_place(compare, make_figure):
    figures = [make_figure("2016", kind=NONE, aoi_id="")]
    assert compare("2016", figures, flat=20.0).verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION


def test_a_yearly_figure_is_not_held_against_a_half_year(compare, make_figure):
    row = compare("2016H1", [make_figure("2016", 20_235.0)], flat=20.0)
    assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.SCOPE,))
    nothing = compare("2016H1", [make_figure("2016", kind=NONE)], flat=20.0)
    assert nothing.verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION


def test_halves_are_summed_for_a_year(compare, make_figure):
    row = compare("2016", [make_figure("2016H1", 10_000.0), make_figure("2016H2", 10_235.0)], flat=20.0)
    assert (row.verdict, row.declared.carats) == (Verdict.CONSISTENT, 20_235.0)


def test_figures_of_other_participants_are_not_used(compare, make_figure):
    assert compare("2016", [make_figure("2016", 5.0, aoi_id="", iso3="GIN")], options=COVERING).declared is None


def test_without_priors_there_is_no_capacity(compare, make_figure, make_aoi):
    for aoi in (make_aoi(priors=None), make_aoi(strata=False)):
        row = compare("2016", [make_figure("2016", 150_000.0)], flat=20.0, aoi=aoi)
        assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.NO_PRIORS,))
        assert row.capacity is None


def test_a_stratum_without_priors_stops_only_the_flag(compare, make_figure, make_aoi, make_activities):
    aoi = make_aoi()
    bare = Stratum(
        id="dyke",
        deposit_type=DepositType.DYKE,
        geometry=box(-7, 8, -6.9, 8.1),
        names={},
        source=aoi.source,
        priors=None,
    )
    aoi = dataclasses.replace(aoi, strata=(*aoi.strata, bare))
    period = Period.parse("2016")
    flat, outside = make_activities(period, flat=20.0)
    activities = (flat, dataclasses.replace(flat, stratum_id="dyke"), outside)
    above = compare_production(aoi, period, activities, [make_figure("2016", 9e5)], (), OPTIONS)
    assert (above.verdict, above.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.NO_PRIORS,))
    within = compare_production(aoi, period, activities, [make_figure("2016", 9e3)], (), OPTIONS)
    assert within.verdict is Verdict.CONSISTENT


def test_digging_outside_the_deposits_is_not_taken_for_diamonds(compare, make_figure):
    row = compare("2016", [make_figure("2016", kind=NONE)], outside=20.0)
    assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.COMMODITY,))
    assert "gold" in " ".join(row.sentences["en"])


def test_a_figure_that_only_digging_outside_would_explain_is_not_assessable(compare, make_figure):
    figures = [make_figure("2016", 150_000.0)]
    row = compare("2016", figures, flat=20.0, outside=80.0)
    assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.COMMODITY,))
    assert row.prob_above_capacity >= 0.95
    assert "would explain" in " ".join(row.sentences["en"])
    assert compare("2016", figures, flat=20.0, outside=1.0).verdict is Verdict.DECLARED_ABOVE_CAPACITY
    strict = OPTIONS.model_copy(update={"outside_may_explain": False})
    row = compare("2016", figures, flat=20.0, outside=80.0, options=strict)
    assert row.verdict is Verdict.DECLARED_ABOVE_CAPACITY


def test_digging_outside_is_in_no_capacity_but_its_own(compare, make_figure):
    figures = [make_figure("2016", 30_000.0)]
    bare, beside = compare("2016", figures, flat=20.0), compare("2016", figures, flat=20.0, outside=80.0)
    assert (beside.capacity, beside.prob_above_capacity) == (bare.capacity, bare.prob_above_capacity)
    assert bare.outside is None
    assert beside.outside.median_ct == pytest.approx(4 * beside.capacity.median_ct, rel=0.05)
    said = next(line for line in beside.sentences["en"] if "gold" in line)
    assert "80.0\xa0ha" in said


def _two_strata(aoi, priors):
    small = Stratum(
        id="dyke",
        deposit_type=DepositType.DYKE,
        geometry=box(-7, 8, -6.9, 8.1),
        names={},
        source=aoi.source,
        priors=priors,
    )
    return dataclasses.replace(aoi, strata=(*aoi.strata, small))


def test_digging_outside_is_reckoned_at_the_most_generous_priors(compare, make_aoi, dyke_priors):
    alone = compare("2016", outside=20.0).outside
    richer = compare("2016", outside=20.0, aoi=_two_strata(make_aoi(), dyke_priors)).outside
    assert richer.median_ct > 5 * alone.median_ct


def test_coverage_is_weighted_by_the_land_of_the_strata(make_aoi, make_activities):
    aoi, period = _two_strata(make_aoi(), None), Period.parse("2016")
    flat, outside = make_activities(period, coverage=0.9)
    dyke = dataclasses.replace(flat, stratum_id="dyke", coverage_frac=0.0)
    row = compare_production(aoi, period, (flat, dyke, outside), (), (), OPTIONS)
    # the dyke is a hundredth of the flat
    assert row.coverage_frac == pytest.approx(0.9 / 1.01, rel=1e-3)


def test_an_embargo_that_ends_within_the_period_was_in_force_in_it(compare):
    assert any("An embargo was in force" in line for line in compare("2014").sentences["en"])
    said = {label: " ".join(compare(label).sentences["en"]) for label in ("2014H1", "2014H2", "2004")}
    assert {label: "An embargo was in force" in lines for label, lines in said.items()} == {
        "2014H1": True,
        "2014H2": False,
        "2004": False,
    }


def test_an_open_period_is_not_judged_nor_is_a_trend_read_against_it(make_aoi, make_activities, make_figure):
    aoi, figures = make_aoi(), [make_figure("2015", 1_000.0), make_figure("2016", 100.0)]
    before, now = Period.parse("2015"), Period.parse("2016")
    rows = {}
    for is_open in (False, True):
        given = make_activities(before, flat=5.0)
        rows[is_open] = compare_production(aoi, before, given, figures, (), OPTIONS, is_open=is_open)
    assert (rows[True].verdict, rows[True].reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.PERIOD_OPEN,))
    assert "2015 had not ended" in " ".join(rows[True].sentences["en"])
    assert rows[True].activities == rows[False].activities
    given = make_activities(now, flat=40.0)
    read = {
        is_open: compare_production(aoi, now, given, figures, [row], OPTIONS).verdict for is_open, row in rows.items()
    }
    assert read == {False: Verdict.DECLARED_FALLS_ACTIVITY_GROWS, True: Verdict.CONSISTENT}


def test_the_first_of_a_month_is_written_as_french_writes_it(compare, make_figure):
    figure = dataclasses.replace(make_figure("2016", 10.0), as_published_on=dt.date(2017, 3, 1))
    sentences = compare("2016", [figure], flat=20.0).sentences
    assert "1er mars 2017" in " ".join(sentences["fr"])
    assert "1 March 2017" in " ".join(sentences["en"])


def test_a_quarter_in_the_rains_is_not_assessed(compare, make_figure, make_aoi):
    aoi = make_aoi(dry_months=(11, 12, 1, 2, 3))
    row = compare("2016Q3", [make_figure("2016Q3", 5_000.0)], flat=20.0, aoi=aoi)
    assert (row.verdict, row.reasons) == (Verdict.NOT_ASSESSABLE, (NotAssessable.SEASON,))
    assert compare("2016Q1", [make_figure("2016Q1", 5_000.0)], flat=20.0, aoi=aoi).verdict is Verdict.CONSISTENT


def _trend(compare, make_figure, *, declared, areas, labels=("2016H1", "2017H1"), **more):
    before = compare(labels[0], [make_figure(labels[0], declared[0])], flat=areas[0])
    return compare(labels[1], [make_figure(labels[1], declared[1])], flat=areas[1], previous=[before], **more)


def test_declared_falls_while_activity_grows(compare, make_figure):
    row = _trend(compare, make_figure, declared=(20_000.0, 10_000.0), areas=(10.0, 40.0))
    assert row.verdict is Verdict.DECLARED_FALLS_ACTIVITY_GROWS
    text = " ".join(row.sentences["en"])
    assert "From 2016H1 to 2017H1" in text
    assert "20,000 to 10,000" in text
    assert "10.0 to 40.0" in text


def test_declared_grows_while_activity_falls(compare, make_figure):
    row = _trend(compare, make_figure, declared=(5_000.0, 20_000.0), areas=(80.0, 20.0))
    assert row.verdict is Verdict.DECLARED_GROWS_ACTIVITY_FALLS


@pytest.mark.parametrize(
    ("declared", "areas"),
    [
        ((20_000.0, 10_000.0), (10.0, 14.0)),  # growth within the error of two areas
        ((20_000.0, 18_000.0), (10.0, 40.0)),  # declared fell by less than the factor
        ((10_000.0, 20_000.0), (10.0, 40.0)),  # both grow
        ((20_000.0, 10_000.0), (0.0, 0.0)),
    ],
)
def test_moves_that_go_together_or_are_small_are_no_trend(compare, make_figure, declared, areas):
    row = _trend(compare, make_figure, declared=declared, areas=areas)
    assert row.verdict not in (Verdict.DECLARED_FALLS_ACTIVITY_GROWS, Verdict.DECLARED_GROWS_ACTIVITY_FALLS)


def test_seasons_are_not_compared_with_each_other_unless_asked(compare, make_figure):
    given_ = {"declared": (20_000.0, 10_000.0), "areas": (10.0, 40.0), "labels": ("2016H2", "2017H1")}
    assert _trend(compare, make_figure, **given_).verdict is Verdict.CONSISTENT
    across = OPTIONS.model_copy(update={"same_season": False})
    assert _trend(compare, make_figure, **given_, options=across).verdict is Verdict.DECLARED_FALLS_ACTIVITY_GROWS


def test_a_trend_needs_no_priors(compare, make_figure, make_aoi):
    row = _trend(compare, make_figure, declared=(20_000.0, 10_000.0), areas=(10.0, 40.0), aoi=make_aoi(priors=None))
    assert row.verdict is Verdict.DECLARED_FALLS_ACTIVITY_GROWS


def test_a_trend_from_nothing_seen_starts_at_what_could_have_gone_unseen(compare, make_figure):
    row = _trend(compare, make_figure, declared=(20_000.0, 10_000.0), areas=(0.0, 10.0))
    assert row.verdict is Verdict.DECLARED_FALLS_ACTIVITY_GROWS
    small = _trend(compare, make_figure, declared=(900.0, 200.0), areas=(0.0, 0.5))
    assert small.verdict is Verdict.CONSISTENT


def test_a_trend_needs_figures_of_one_scope(compare, make_figure):
    now = [make_figure("2017H1", 10_000.0)]
    yearly = compare("2016H1", [make_figure("2016", 20_000.0)], flat=10.0)
    whole = compare("2016H1", [make_figure("2016H1", 20_000.0, aoi_id="")], flat=10.0)
    for before in (yearly, whole):
        assert compare("2017H1", now, flat=40.0, previous=[before]).verdict is Verdict.CONSISTENT


def test_the_latest_comparable_period_is_taken(compare, make_figure):
    old = compare("2014H1", [make_figure("2014H1", 5_000.0)], flat=90.0, aoi=None)
    recent = compare("2016H1", [make_figure("2016H1", 20_000.0)], flat=10.0)
    dark = compare("2017H1", [make_figure("2017H1", 20_000.0)], flat=10.0, coverage=0.1)
    later = compare("2019H1", [make_figure("2019H1", 20_000.0)], flat=10.0)
    for order in itertools.permutations([old, recent, dark, later]):
        row = compare("2018H1", [make_figure("2018H1", 10_000.0)], flat=40.0, previous=order)
        assert row.verdict is Verdict.DECLARED_FALLS_ACTIVITY_GROWS
        assert "From 2016H1 to 2018H1" in " ".join(row.sentences["en"])


def test_activity_of_another_place_or_period_is_refused(make_aoi, make_activities):
    activities = make_activities(Period.parse("2016"))
    for aoi, label, given_ in (
        (make_aoi(), "2017", activities),
        (make_aoi(id="civ-tortiya"), "2016", activities),
        (make_aoi(), "2016", ()),
    ):
        with pytest.raises(BadInputError, match=r"activity|Activity"):
            compare_production(aoi, Period.parse(label), given_, (), (), OPTIONS)


def test_the_same_question_gives_the_same_row(compare, make_figure):
    figures = [make_figure("2016", 20_235.0)]
    assert compare("2016", figures, flat=20.0) == compare("2016", figures, flat=20.0)
    assert compare("2016", figures).id != compare("2017", figures).id


def test_numbers_are_written_in_the_language(compare, make_figure):
    row = compare("2016", [make_figure("2016", 20_235.5)], flat=1234.5)
    assert "20,235.5\u00a0ct" in " ".join(row.sentences["en"])
    assert "20\u202f235,5\u00a0ct" in " ".join(row.sentences["fr"])
    assert "20\u00a0235,5\u00a0ct" in " ".join(row.sentences["pt"])
    assert "1\u202f234,5\u00a0ha" in row.sentences["fr"][0]


def test_participants_have_names_in_every_language(compare, make_figure, make_aoi):
    names = {"iso3": "CAF", "participant": "Central African Republic"}
    figure = make_figure("2016", 10_654.0, **names)
    row = compare("2016", [figure], flat=20.0, aoi=make_aoi(**names))
    assert "Central African Republic declared" in " ".join(row.sentences["en"])
    assert "République centrafricaine" in " ".join(row.sentences["fr"])
    assert "República Centro-Africana" in " ".join(row.sentences["pt"])


def test_braces_in_names_are_only_text(compare, make_aoi):
    row = compare("2016", aoi=make_aoi(names={"en": "{ha.__class__}"}, participant="{0}"))
    assert "{ha.__class__}" in row.sentences["en"][0]


def test_every_phrase_stands_in_all_languages_with_the_same_fields_and_no_forbidden_word():
    for table in (phrases(), factor_names(), participant_names()):
        for key, by_language in table.items():
            assert set(by_language) == {"en", "fr", "pt"}, key
            fields = {frozenset(re.findall(r"\{(\w+)\}", text)) for text in by_language.values()}
            assert len(fields) == 1, key
            assert not any(FORBIDDEN.search(text) for text in by_language.values()), key


_FIGURES = st.lists(
    st.tuples(
        st.sampled_from(["2016", "2016H1", "2016H2", "2015H1", "2017"]),
        st.one_of(st.none(), st.sampled_from([0.0, 0.25, 10.0, 9_999.99, 1e8])),
        st.sampled_from(["civ-seguela", ""]),
        st.sampled_from(list(DeclaredKind)),
    ),
    max_size=4,
)


@settings(max_examples=250, deadline=None)
@given(
    label=st.sampled_from(["2012", "2016", "2016H1", "2016Q3"]),
    rows=_FIGURES,
    flat=st.sampled_from([0.0, 0.01, 0.6, 30.0, 5e4]),
    outside=st.sampled_from([0.0, 0.6, 30.0]),
    coverage=st.sampled_from([0.0, 0.29, 0.31, 1.0]),
    with_priors=st.booleans(),
    regime=st.sampled_from([None, *RegimeKind]),
    covers=st.booleans(),
    before=st.sampled_from([None, 0.0, 5.0, 500.0]),
)
def test_every_combination_gives_a_verdict_and_sentences(
    compare,
    make_aoi,
    make_figure,
    flat_priors,
    label,
    rows,
    flat,
    outside,
    coverage,
    with_priors,
    regime,
    covers,
    before,
):
    base = make_aoi(priors=flat_priors if with_priors else None, dry_months=(11, 12, 1, 2, 3))
    regimes = (dataclasses.replace(base.regimes[0], kind=regime, end_day=None),) if regime else ()
    aoi = dataclasses.replace(base, regimes=regimes)
    options = ProductionOptions(draws=1024, covers_participant=("civ-seguela",) if covers else ())
    figures = [
        make_figure(span, (carats or 0.0) if kind is DeclaredKind.FIGURE else None, kind=kind, aoi_id=aoi_id)
        for span, carats, aoi_id, kind in rows
    ]
    previous = []
    if before is not None:
        earlier = f"2011{label[4:]}"
        previous = [compare(earlier, [make_figure(earlier, 500.0)], flat=before, aoi=aoi, options=options)]
    row = compare(
        label, figures, flat=flat, outside=outside, coverage=coverage, aoi=aoi, options=options, previous=previous
    )
    assert (row.verdict is Verdict.NOT_ASSESSABLE) == bool(row.reasons)
    assert set(row.sentences) == {"en", "fr", "pt"}
    counts = {len(sentences) for sentences in row.sentences.values()}
    assert len(counts) == 1
    assert counts.pop() >= 3
    for text in itertools.chain.from_iterable(row.sentences.values()):
        assert not FORBIDDEN.search(text)
        assert "{" not in text
        assert "nan" not in text.lower().split()
    if row.verdict is Verdict.ACTIVITY_WITHOUT_DECLARATION:
        assert flat > 0.0
        assert row.declared is None or not row.declared.carats
    if row.verdict is Verdict.DECLARED_ABOVE_CAPACITY:
        assert coverage >= options.min_coverage_frac
        assert row.declared.carats > row.capacity.high_ct * 0.9
