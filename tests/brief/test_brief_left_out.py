"""What is not watched, by choice, is said on the first page, beside the coverage and among what was not seen."""

from dataclasses import replace

import pytest

from kpgeo.brief import compose_brief
from kpgeo.brief.content import Bullets, Notice, Paragraph
from kpgeo.model.aoi import LeftOut, RiskRule, RiskSource
from kpgeo.options.brief import BriefOptions


@pytest.fixture(scope="module")
def partly(inputs):
    """The small world, watched only within 500 m of its strata and of drainage."""
    rule = RiskRule(within_m=500.0, of=(RiskSource.STRATA, RiskSource.DRAINAGE), source=inputs.aoi.source)
    left_out = LeftOut(area_ha=4321.0, share_frac=0.48, why="only ground within 500 m of strata, drainage is watched")
    return replace(inputs, aoi=replace(inputs.aoi, risk=rule), left_out=left_out)


def _said(content, kind):
    texts = []
    for block in content.blocks:
        if isinstance(block, kind):
            texts += [block.text] if isinstance(block, Paragraph) else list(block.items)
    return [text.replace("\u00a0", " ") for text in texts]


@pytest.mark.parametrize("kind", [Notice, Paragraph, Bullets])
def test_it_is_said_where_people_look(partly, kind):
    said = [text for text in _said(compose_brief(partly, "en", BriefOptions()), kind) if "Left out by choice" in text]
    assert len(said) == 1
    assert "(48 % of the area)" in said[0]
    assert "the ground within 500 m of strata, drainage" in said[0]


@pytest.mark.parametrize(("language", "words"), [("fr", "Laissés de côté par choix"), ("pt", "Deixado de fora")])
def test_it_is_said_in_every_language(partly, language, words):
    assert any(words in text for text in _said(compose_brief(partly, language, BriefOptions()), Notice))


def test_nothing_is_said_where_all_is_watched(inputs):
    content = compose_brief(inputs, "en", BriefOptions())
    assert not [text for kind in (Notice, Paragraph, Bullets) for text in _said(content, kind) if "Left out" in text]
