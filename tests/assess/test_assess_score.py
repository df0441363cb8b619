"""Scoring, on a world small enough to score by hand."""

import datetime as dt
import json

import pytest
from shapely.geometry import MultiPolygon

from kpgeo.assess import format_table, pool_scores, read_truth, score_run
from kpgeo.model.alert import Alert, Evidence, MachineState, Question
from kpgeo.model.calendar import day_of, dekad_end, dekad_of, dekad_start
from kpgeo.model.decision import DekadDecision
from kpgeo.model.errors import BadInputError
from kpgeo.model.site import Area, Site, SiteStatus
from kpgeo.options.assess import AssessOptions

OPTIONS = AssessOptions()
FIRST = dekad_of(day_of(dt.date(2024, 7, 1)))
UNTIL = day_of(dt.date(2024, 10, 1))
S = MachineState


def site_of(name, geometry, dekad, area_ha=0.15, status=SiteStatus.ACTIVE):
    return Site(
        id=name, aoi_id="sim-7", dekad=dekad, status=status, geometry=MultiPolygon([geometry]),
        opened_day=dekad_start(FIRST) + 10, grown_day=dekad_start(FIRST) + 10, last_day=dekad_end(dekad) - 1,
        area=Area(ha=area_ha, low_ha=area_ha / 2, high_ha=area_ha * 2), peak_area_ha=area_ha, confidence=0.9,
        pond_frac=0.0, look_frac=1.0, elongation=1.0, hits=3, looked_dekads=3, seed_row=0, seed_col=0, stratum_id="",
    )  # fmt: skip


def alert_of(name, dekad, state, held=None):
    evidence = Evidence(
        site_id=name, area_ha=0.1, area_low_ha=0.1, area_high_ha=0.1, confidence=0.9, first_day=dekad_start(FIRST) + 10,
        last_day=dekad_end(dekad) - 1, hits=3, looked_dekads=3,
    )  # fmt: skip
    return Alert(
        id=f"alert-{name}", aoi_id="sim-7", site_id=name, question=Question.WHICH_SITES_TO_VISIT, state=state,
        raised_dekad=FIRST, dekad=dekad, evidence=evidence, held_state=held,
    )  # fmt: skip


def history(places, states, steps=9):
    """Sites at `places`, alerts in `states[name][step]` from the first monitored dekad on."""
    decisions = []
    for step in range(steps):
        dekad = FIRST + step
        sites = tuple(site_of(name, geometry, dekad) for name, geometry in places.items())
        found = [(name, states[name].get(step)) for name in places]
        alerts = tuple(alert_of(name, dekad, *state) for name, state in found if state)
        decisions.append(DekadDecision(dekad=dekad, alerts=alerts, sites=sites))
    return decisions


def lasting(first_step, steps=9):
    """First detected at a step, provisional a dekad later."""
    return {first_step: (S.FIRST,)} | dict.fromkeys(range(first_step + 1, steps), (S.PROVISIONAL,))


def test_truth_is_read_with_its_areas_month_by_month(world):
    truth = read_truth(world.folder)
    assert read_truth(world.folder / "truth") == truth
    assert truth.monitored_day == day_of(dt.date(2024, 7, 1))
    assert truth.area_km2 == pytest.approx(0.36, rel=2e-3)
    big = next(site for site in truth.sites if site.id == "new-big")
    assert big.mined_ha(day_of(dt.date(2024, 8, 1))) == pytest.approx(0.04)
    assert big.mined_ha(UNTIL) == pytest.approx(0.16)
    assert big.mined_ha(big.opened_day - 1) == 0.0
    # 0.05 ha: a twelfth of the way from 0.04 ha on 1 August to 0.16 ha on 1 September
    assert big.disturbed_day(0.05) == day_of(dt.date(2024, 8, 4))
    small = next(site for site in truth.sites if site.id == "new-small")
    assert small.disturbed_day(0.05) is None
    old = next(site for site in truth.sites if site.id == "old")
    assert old.mined_ha(truth.monitored_day) == pytest.approx(0.16)


def test_a_hit_a_miss_and_two_false_alerts(world):
    places = {
        "on-big": world.square(11, 11, 3),
        "on-burn": world.square(30, 10, 2),
        "on-nothing": world.square(55, 50, 2),
        "doubtful": world.square(40, 40, 2),
    }
    states = {
        "on-big": lasting(3),
        "on-burn": lasting(0),
        "on-nothing": lasting(5),
        "doubtful": {3: (S.FIRST,), 4: (S.EXPIRED,)},
    }
    score = score_run(read_truth(world.folder), history(places, states), UNTIL, OPTIONS)
    assert score.recall(">=0.1") == (1, 1)
    assert score.recall("0.03-0.1") == (0, 1)
    assert score.announced == 3
    assert score.causes() == {"burn": 1, "nothing": 1}
    # provisional in the fifth dekad, 2024-08-D2, known on 21 August; opened on 11 July
    assert score.lag().median_days == 41
    assert score.lag_from_disturbed().median_days == 17
    small = score.lag("0.03-0.1")
    assert (small.found, small.censored) == (0, 1)
    assert score.area_ratio == pytest.approx(0.15 / 0.16)
    rate, low, high = score.false_rate()
    assert rate == pytest.approx(2 / (0.36 * (92 / 30.4375) / 1000), rel=2e-3)
    assert low < rate < high


def test_a_site_within_reach_is_met_and_one_farther_off_is_not(world):
    """The big site ends at column 14: 10 m on is met, 30 m on is not."""
    truth = read_truth(world.folder)
    for col, found in ((15, 1), (17, 0)):
        near = history({"near": world.square(10, col, 3)}, {"near": lasting(2)})
        assert score_run(truth, near, UNTIL, OPTIONS).recall()[0] == found
    wider = AssessOptions(reach_m=40.0)
    assert score_run(truth, near, UNTIL, wider).recall()[0] == 1


def test_an_alert_on_an_old_working_is_false_and_says_so(world):
    places = {"on-old": world.square(10, 40)}
    score = score_run(read_truth(world.folder), history(places, {"on-old": lasting(0)}), UNTIL, OPTIONS)
    assert score.causes() == {"existing-site": 1}


def phase(start, end, state="active"):
    return {"start": start, "end": end, "state": state}


def truth_with(world, phases):
    """Read the world's truth after giving sites their phases, by id."""
    path = world.folder / "truth" / "sites.geojson"
    sites = json.loads(path.read_text())
    for site in sites["features"]:
        site["properties"]["phases"] = phases.get(site["properties"]["id"], [])
    path.write_text(json.dumps(sites))
    return read_truth(world.folder)


def test_an_alert_on_an_old_working_that_is_dug_is_counted_apart(world):
    truth = truth_with(world, {"old": [phase("2023-01-05", "2025-01-01")]})
    places = {"on-old": world.square(10, 40), "on-nothing": world.square(55, 50, 2)}
    states = {"on-old": lasting(0), "on-nothing": lasting(0)}
    score = score_run(truth, history(places, states), UNTIL, OPTIONS)
    assert (score.announced, score.on_old_workings, score.causes()) == (2, 1, {"nothing": 1})
    assert score.recall() == (0, 1)  # right about the ground is not the finding of a new site
    assert score.false_rate()[0] == pytest.approx(1 / (0.36 * (92 / 30.4375) / 1000), rel=2e-3)
    assert score.to_dict()["on_old_workings"] == 1


@pytest.mark.parametrize(
    ("phases", "is_apart"),
    [
        ([phase("2023-01-05", "2024-06-06")], True),  # 45 days before 21 July, when it is known
        ([phase("2023-01-05", "2024-06-05")], False),
        ([phase("2024-07-20", "2024-12-01")], True),  # from the dekad's last day on
        ([phase("2024-07-21", "2024-12-01")], False),  # nobody had begun
        ([phase("2023-01-05", "2023-06-01"), phase("2024-07-01", "2024-07-05")], True),
        ([phase("2023-01-05", "2025-01-01", "paused")], False),
        ([phase("2023-01-05", "2024-01-01"), phase("2024-01-01", "2025-01-01", "abandoned")], False),
    ],
)
def test_an_old_working_is_judged_on_the_day_of_the_announcement(world, phases, is_apart):
    """Provisional in the second dekad of July, known on the 21st."""
    truth = truth_with(world, {"old": phases})
    score = score_run(truth, history({"on-old": world.square(10, 40)}, {"on-old": lasting(0)}), UNTIL, OPTIONS)
    assert (score.on_old_workings, score.causes()) == ((1, {}) if is_apart else (0, {"existing-site": 1}))


def test_digging_at_an_old_working_explains_an_alert_for_as_long_as_a_nuisance(world):
    truth = truth_with(world, {"old": [phase("2023-01-05", "2024-06-01")]})
    decisions = history({"on-old": world.square(10, 40)}, {"on-old": lasting(0)})
    assert score_run(truth, decisions, UNTIL, OPTIONS).on_old_workings == 0
    assert score_run(truth, decisions, UNTIL, AssessOptions(nuisance_days=50)).on_old_workings == 1


def test_a_new_site_is_met_before_an_old_one_is(world):
    """The alert lies over both: right where the new one is open, of an old working where it is not yet."""
    truth = truth_with(world, {"old": [phase("2023-01-05", "2025-01-01")]})
    wide = {"wide": world.square(10, 10).union(world.square(10, 40)).convex_hull}
    score = score_run(truth, history(wide, {"wide": lasting(3)}), UNTIL, OPTIONS)
    assert (score.announced, score.on_old_workings, score.causes(), score.recall()) == (1, 0, {}, (1, 1))
    early = {"wide": dict.fromkeys(range(9), (S.PROVISIONAL,))}
    score = score_run(truth, history(wide, early), UNTIL, OPTIONS)
    assert (score.announced, score.on_old_workings, score.causes()) == (1, 1, {})


def test_digging_at_a_new_site_before_monitoring_sees_it_open_is_no_old_working(world):
    """Its phases say when a new site is dug; an alert before its opening is false all the same."""
    truth = truth_with(world, {"new-big": [phase("2024-07-05", "2024-12-01")]})
    early = {"early": dict.fromkeys(range(9), (S.PROVISIONAL,))}
    score = score_run(truth, history({"early": world.square(10, 10)}, early), UNTIL, OPTIONS)
    assert (score.on_old_workings, score.causes()) == (0, {"not-yet-open": 1})


def test_alerts_on_old_workings_pool_and_have_their_column(world):
    truth = truth_with(world, {"old": [phase("2023-01-05", "2025-01-01")]})
    score = score_run(truth, history({"on-old": world.square(10, 40)}, {"on-old": lasting(0)}), UNTIL, OPTIONS)
    assert pool_scores([score, score]).on_old_workings == 2
    header, *rows = format_table([score, score]).splitlines()
    end = header.index("  old  ") + len("  old")
    assert [row[:end].split()[-1] for row in rows] == ["1", "1", "2"]
    assert "false alerts fell on" not in "".join(rows)


def test_an_alert_before_the_opening_is_false_and_the_site_is_found_when_it_opens(world):
    early = dict.fromkeys(range(9), (S.PROVISIONAL,))
    places = {"early": world.square(10, 10)}
    score = score_run(read_truth(world.folder), history(places, {"early": early}), UNTIL, OPTIONS)
    assert score.causes() == {"not-yet-open": 1}
    assert score.lag().median_days == 10  # opened on 11 July, the first dekad known after that ends on the 20th


def test_an_undetermined_alert_still_stands_in_the_state_it_is_held_in(world):
    held = {3: (S.UNDETERMINED, S.FIRST), 4: (S.UNDETERMINED, S.PROVISIONAL)}
    score = score_run(read_truth(world.folder), history({"dark": world.square(10, 10)}, {"dark": held}), UNTIL, OPTIONS)
    assert score.lag().median_days == 41


def test_nuisances_explain_false_alerts_only_in_their_time(world):
    late = history({"on-burn": world.square(30, 10, 2)}, {"on-burn": lasting(7)})  # 45 days after 31 July are over
    truth = read_truth(world.folder)
    assert score_run(truth, late, UNTIL, OPTIONS).causes() == {"nothing": 1}
    assert score_run(truth, late, UNTIL, AssessOptions(nuisance_days=90)).causes() == {"burn": 1}
    road = history({"on-road": world.square(50, 10, 2)}, {"on-road": lasting(7)})
    assert score_run(truth, road, UNTIL, OPTIONS).causes() == {"road": 1}


def test_what_is_known_after_the_day_does_not_count(world):
    late = history({"on-big": world.square(10, 10)}, {"on-big": lasting(6)})
    until = day_of(dt.date(2024, 9, 1))
    score = score_run(read_truth(world.folder), late, until, OPTIONS)
    assert score.recall() == (0, 1)
    assert score.outcomes[0].until_day == until
    assert score.lag().censored == 1


def test_the_horizon_and_the_reportable_size_change_the_lags(world):
    truth = read_truth(world.folder)
    late = history({"on-big": world.square(10, 10)}, {"on-big": lasting(3)})
    assert score_run(truth, late, UNTIL, OPTIONS).lag().restricted_mean_days == 41
    assert score_run(truth, late, UNTIL, AssessOptions(horizon_days=30)).lag().restricted_mean_days == 30
    assert score_run(truth, late, UNTIL, AssessOptions(disturbed_ha=0.1)).lag_from_disturbed().median_days == 4


def test_scores_pool_by_counts_and_print_as_a_table(world):
    truth = read_truth(world.folder)
    hit = score_run(truth, history({"a": world.square(10, 10)}, {"a": lasting(3)}), UNTIL, OPTIONS)
    miss = score_run(truth, history({"b": world.square(30, 10)}, {"b": lasting(1)}), UNTIL, OPTIONS)
    pooled = pool_scores([hit, miss])
    assert pooled.recall() == (1, 2)
    assert pooled.km2_months == pytest.approx(2 * hit.km2_months)
    assert pooled.lag().median_days == 41
    table = format_table([hit, miss])
    assert [line.split()[0] for line in table.splitlines()] == ["world", "world-7", "world-7", "pooled", "false"]
    assert "1/2 [0.09-0.91]" in table
    assert table.splitlines()[-1] == "false alerts fell on: burn 1"
    assert format_table([]).startswith("world")
    assert json.loads(json.dumps(pooled.to_dict(), allow_nan=False))["recall"][">=0.1"]["found"] == 1
    assert miss.to_dict()["area"]["ratio"] is None


def test_a_run_without_decisions_scores_zero(world):
    score = score_run(read_truth(world.folder), [], UNTIL, OPTIONS)
    assert score.recall() == (0, 1)
    assert score.false_rate()[0] == 0.0
    assert "-" in format_table([score])


def _site_with(phases):
    about = '"id": "a", "existed_before": true, "opened": "2023-01-05", "closed": null, "max_area_ha": 0.1'
    return f'{{"features": [{{"properties": {{{about}, "phases": {phases}}}, "geometry": {POINT}}}]}}'


POINT = '{"type": "Point", "coordinates": [-6.6, 8.1]}'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("truth/sites.geojson", None),
        ("truth/sites.geojson", "{"),
        ("truth/sites.geojson", '{"features": 3}'),
        ("truth/sites.geojson", '{"features": [{"properties": {}, "geometry": null}]}'),
        ("truth/sites.geojson", _site_with('[{"start": "soon", "end": "2024-07-01", "state": "active"}]')),
        ("truth/sites.geojson", _site_with('[{"start": "2024-07-01", "state": "active"}]')),
        ("truth/sites.geojson", _site_with("3")),
        ("truth/sites.geojson", _site_with('["active"]')),
        ("truth/nuisances.geojson", '{"features": [{"properties": {"kind": "burn"}, "geometry": null}]}'),
        ("truth/nuisances.geojson", "[]"),
        ("truth/mined_frac_2024-07.tif", "not a raster"),
        ("pipeline.toml", "[history]\n"),
        ("pipeline.toml", "history = ["),
        ("pipeline.toml", None),
        ("aoi.geojson", '{"features": []}'),
    ],
)
def test_a_broken_truth_is_refused_by_the_name_of_its_file(world, name, content):
    path = world.folder / name
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInputError, match=name.split("/")[-1]):
        read_truth(world.folder)
