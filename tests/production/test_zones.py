"""A compliant zone that is drawn: what was dug outside it is said."""

import dataclasses

import pytest

from kpgeo.model.aoi import RegimeKind, RegulatoryPeriod, Sourced
from kpgeo.model.calendar import Period
from kpgeo.options.production import ProductionOptions
from kpgeo.production import compare_production

YEAR = Period.parse("2024")


@pytest.fixture
def said(make_aoi, make_activities, make_figure):
    zone = RegulatoryPeriod(
        kind=RegimeKind.COMPLIANT_ZONE,
        start_day=YEAR.start_day - 400,
        end_day=YEAR.start_day + 40,
        note={"en": "zone"},
        source=Sourced(source="test", confidence="high"),
        strata=("flat",),
    )

    def run(period=YEAR, **seen):
        aoi = dataclasses.replace(make_aoi(regimes=False), regimes=(zone,))
        row = compare_production(
            aoi, period, make_activities(period, **seen), [make_figure(period.label, 10.0)], (), ProductionOptions()
        )
        return " ".join(row.sentences["en"])

    return run


def test_digging_outside_the_zone_is_said_with_its_interval(said):
    text = said(flat=5.0, outside=3.0)
    assert "Outside the compliant zone 3.0 ha" in text


def test_where_none_was_seen_outside_what_could_be_missed_is_said(said):
    assert "No new digging was seen outside the compliant zone" in said(flat=5.0)


def test_a_zone_that_is_over_asks_nothing(said):
    assert "compliant zone" not in said(Period.parse("2025"), flat=5.0, outside=3.0)
