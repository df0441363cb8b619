"""What lies around a site stands below its pictures, where the AOI file knows anything of it."""

import dataclasses

import pytest

from kpgeo.brief import compose_brief, say_surroundings
from kpgeo.brief.content import Bullets
from kpgeo.model.surroundings import (
    BaselineStanding,
    MinedGood,
    MiningType,
    Nearest,
    PermitStanding,
    Surroundings,
    WorkedBefore,
)


def _around(site_id, standing, road):
    return Surroundings(
        site_id=site_id,
        day=20_000,
        drainage=None,
        road=road,
        border=None,
        settlement=None,
        permit=None,
        permit_standing=standing,
        permits=(),
        baseline=WorkedBefore(standing=BaselineStanding.NEW, before_ha=0.0, since_ha=1.0),
        mined_good=MinedGood(type=MiningType.UNKNOWN),
    )


def _bullets(content):
    return [item for block in content.blocks if isinstance(block, Bullets) for item in block.items]


@pytest.mark.parametrize("language", ["en", "fr", "pt"])
def test_it_is_said_below_the_pictures(inputs, quick, language):
    (site_id, *_) = (site_id for site_id, pair in inputs.chips.items() if pair.after is not None)
    known = _around(site_id, PermitStanding.OUTSIDE, Nearest(distance_m=1200.0))
    told = compose_brief(dataclasses.replace(inputs, surroundings={site_id: known}), language, quick)
    said = set(say_surroundings(known, language))
    assert said <= set(_bullets(told))
    assert not said & set(_bullets(compose_brief(inputs, language, quick)))


def test_where_nothing_is_known_nothing_is_said(inputs, quick):
    (site_id, *_) = inputs.chips
    nothing = _around(site_id, PermitStanding.NOT_KNOWN, None)
    told = compose_brief(dataclasses.replace(inputs, surroundings={site_id: nothing}), "en", quick)
    assert _bullets(told) == _bullets(compose_brief(inputs, "en", quick))
