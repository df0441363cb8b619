"""Content: what a brief says, what it must never say, and what each option changes."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from kpgeo.brief import Backdrop, BriefInputs, Chip, ChipPair, RunFacts, compose_brief, maps, stretch_alike
from kpgeo.brief.content import Heading, Picture, Table
from kpgeo.brief.words import NBSP
from kpgeo.model.errors import BadInputError
from kpgeo.model.scene import Sensor
from kpgeo.options.brief import BriefOptions


def tables(content, words):
    return [block for block in content.blocks if isinstance(block, Table) and words in block.caption]


def test_the_sections_follow_the_skeleton(contents):
    for content in contents.values():
        heads = [block for block in content.blocks if isinstance(block, Heading) and block.level == 1]
        assert [head.key for head in heads] == [
            "glance", "mandate", "sector", "declared", "evidence", "capacity", "itinerary", "unseen", "caveats",
        ]  # fmt: skip
        assert [head.text[0] for head in heads[1:]] == list("12345678")


def test_numbers_carry_their_interval_and_their_mark(contents, said):
    text = said(contents["en"]).replace(NBSP, " ")
    assert "9.4 ha" in text
    assert "6.6–13.2 ha" in text
    assert "18.1 ha (90 % interval 14.5–22.6 ha)" in text
    assert "6,100 (1,400–25,000)" in text
    assert "41,250" in text
    assert "log-uniform between 0.3 and 1.9" in text
    for mark in ("[5]", "(B-L)", "(B-M)", "[41]", "(B-H)"):
        assert mark in text


def test_wording_stays_cautious(contents, said):
    for language, words in (
        ("en", ("illegal", "illicit", "fraud")),
        ("fr", ("illégal", "illicite", "fraud")),
        ("pt", ("ilegal", "ilícit", "fraud")),
    ):
        text = said(contents[language]).lower()
        assert not [word for word in words if word in text]
    assert "Not marked does not mean undisturbed." in said(contents["en"])


def test_no_english_is_left_in_french(contents, said):
    english = set(said(contents["en"]).splitlines())
    both = [line for line in said(contents["fr"]).splitlines() if line in english and len(line.split()) > 3]
    written_by_others = (
        "29P QK",
        "Landsat",
        "Survey",
        "Analogy",
        "lamproite",
        "Gold is mined",
        "KP statistics",
        "Belief",
        "Sentinel-2 ",
    )
    assert not [line for line in both if not line.startswith(written_by_others)]


def test_coordinates_of_the_itinerary(contents):
    [table] = tables(contents["fr"], "Où se trouvent les sites")
    number, decimal, dms, utm, mgrs, _ = table.rows[0]
    assert number == "1"
    assert decimal == "8.15718, -6.70956"
    assert dms.endswith("O")
    assert utm.startswith("29N 752")
    assert mgrs.startswith("29P QK 52")
    assert len(table.rows) == 5, "the closed site is not proposed"


def test_a_missing_chip_is_said(contents, said):
    text = said(contents["en"]).replace(NBSP, " ")
    assert "No clear image was found before 1 January 2025." in text
    assert "No clear image was found, before or after: sites 3, 6." in text


def test_an_empty_brief_says_what_is_missing(empty_inputs, quick, said):
    for language in ("en", "fr", "pt"):
        content = compose_brief(empty_inputs, language, quick)
        assert content.label == ""
        text = said(content)
        if language == "en":
            for words in (
                "No declared figure is known",
                "No site was found. That is not the same as no digging",
                "No comparison of declared figures",
                "No stratum has priors",
                "kpgeo proposes none",
                "No activity was measured",
                "The tables hold no gap",
            ):
                assert words in text
            assert "12 months little seen" in text


def test_labels(world, bare):
    kp_only = compose_brief(world.inputs(), "fr", bare)
    assert kp_only.label.startswith("KP ONLY")
    open_one = compose_brief(world.inputs(aoi=world.aoi(sensitivity="public"), simulated=True), "fr", bare)
    assert open_one.label == "MONDE SIMULÉ"


def test_a_simulated_world_says_so_three_times(world, bare, said):
    assert said(compose_brief(world.inputs(simulated=True), "en", bare)).lower().count("simulated world") >= 3


def test_own_sentences_of_a_comparison_are_used(world, bare, said):
    inputs = world.inputs()
    spoken = replace(inputs.comparisons[0], sentences={"en": ("One thing.", "Another."), "fr": ("Une chose.",)})
    changed = replace(inputs, comparisons=[spoken])
    assert "One thing. Another." in said(compose_brief(changed, "en", bare))
    french = said(compose_brief(changed, "fr", bare))
    assert "Une chose." in french
    assert "s’explique selon ces hypothèses" not in french


def test_hostile_text_is_text(hostile_content, said):
    text = said(hostile_content)
    assert "<script>alert(1)</script>" in text
    assert '#read("/etc/passwd")' in text
    assert "$x$" in text
    assert "[U+202E]" in text
    assert "[U+0000]" in text
    assert "\u202e" not in text
    assert "\x00" not in text


def test_composing_twice_gives_the_same(inputs, contents, quick):
    assert compose_brief(inputs, "en", quick) == contents["en"]


def test_pictures_have_words(contents):
    for content in contents.values():
        pictures = [block for block in content.blocks if isinstance(block, Picture)]
        assert len(pictures) == 7
        assert all(len(picture.alt) > 40 and picture.caption for picture in pictures)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"max_sites_with_chips": 1}, "Figure 5."),
        ({"max_sites_in_itinerary": 2}, "29N 755618"),
        ({"max_sites_listed": 2}, "12 Dec"),
        ({"max_gaps_listed": 0}, "Gaps by reason"),
        ({"years_of_figures": 1}, "2023H2"),
        ({"coordinate_decimals": 2}, "8.15718"),
        ({"room_for_notes": False}, "Notes of the mission"),
    ],
)
def test_an_option_takes_something_away(world, contents, said, change, differs):
    options = BriefOptions(picture_dpi=72, **change)
    changed = said(compose_brief(world.inputs(), "en", options)).replace(NBSP, " ")
    before = said(contents["en"]).replace(NBSP, " ")
    assert differs in before
    assert changed.count(differs) < before.count(differs)


def test_low_coverage_option_names_months(world, contents, said):
    options = BriefOptions(picture_dpi=72, low_coverage_frac=0.6)
    assert "Months in which less than" not in said(contents["en"])
    assert "August 2025" in said(compose_brief(world.inputs(), "en", options)).split("Months in which less than")[1]


def test_drawing_options_change_pictures(world, contents):
    def site_picture(content):
        return [block for block in content.blocks if isinstance(block, Picture)][2].png

    usual = site_picture(contents["en"])
    assert site_picture(compose_brief(world.inputs(), "en", BriefOptions(picture_dpi=72, chip_margin_m=20.0))) != usual
    assert len(site_picture(compose_brief(world.inputs(), "en", BriefOptions(picture_dpi=144)))) > len(usual)


def test_inputs_are_checked(world):
    inputs = world.inputs()
    with pytest.raises(BadInputError, match="end after it starts"):
        replace(inputs, end_day=inputs.start_day)
    elsewhere = GeoBox.from_bbox((0, 0, 100, 100), crs="EPSG:32630", resolution=10)
    backdrop = Backdrop(rgb=np.zeros((10, 10, 3), np.uint8), geobox=elsewhere)
    with pytest.raises(BadInputError, match="EPSG:32629"):
        replace(inputs, backdrop=backdrop)
    moment = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    chip = {"geobox": elsewhere, "datetime": moment, "sensor": Sensor.LANDSAT, "scene_id": "s"}
    with pytest.raises(BadInputError, match="uint8"):
        Chip(rgb=np.zeros((10, 10, 3), np.float32), **chip)
    with pytest.raises(BadInputError, match="geobox"):
        Chip(rgb=np.zeros((9, 10, 3), np.uint8), **chip)
    with pytest.raises(BadInputError, match="There is no brief"):
        compose_brief(inputs, "de", BriefOptions())


def test_one_stretch_for_both():
    dark = np.full((4, 4, 3), 0.1, np.float32)
    light = np.full((4, 4, 3), 0.3, np.float32)
    light[0, 0] = np.nan
    first, second, nothing = stretch_alike([dark, light, None])
    assert nothing is None
    assert first[1, 1].tolist() == [0, 0, 0]
    assert second[1, 1].tolist() == [255, 255, 255]
    assert second[0, 0].tolist() == [217, 217, 217]
    [unseen] = stretch_alike([np.full((2, 2, 3), np.nan, np.float32)])
    assert (unseen == 217).all()


def test_defaults_make_a_minimal_brief(empty_inputs):
    assert isinstance(empty_inputs, BriefInputs)
    assert empty_inputs.run == RunFacts()
    assert ChipPair() == ChipPair(before=None, after=None)


def test_many_sites_are_named_as_ranges(world, bare, said):
    sites = [world.site(f"{n:02d}", 752_000 + 60 * n, 902_000, 30 + n, opened_day=world.start + 1) for n in range(12)]
    text = said(compose_brief(world.inputs(sites=sites, site_events=(), alerts=()), "en", bare))
    assert "New: sites 1–12." in text


@pytest.mark.parametrize("corners", [(752_000, 890_000, 756_000, 912_000), (740_000, 900_000, 765_000, 903_000)])
def test_the_whole_area_is_on_the_map_whatever_its_shape(corners):
    left, bottom, right, top = corners
    extent, height = maps._framed(corners)
    assert extent[0] < left < right < extent[1]
    assert extent[2] < bottom < top < extent[3]
    assert (extent[1] - extent[0]) / maps._MAP_IN == pytest.approx((extent[3] - extent[2]) / height), "one scale"
    assert height < 6.0


def test_numbers_on_the_map_keep_apart_and_inside():
    points = [(0.1, 0.1), (0.15, 0.1), (2.9, 1.9), (1.5, 1.0), (1.52, 1.0), (1.5, 1.05)]
    spots = np.array(points) + np.array(maps.place_labels(points, (3.0, 2.0)))
    apart = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1)) + 9 * np.eye(len(points))
    assert apart.min() > 0.18
    assert (spots > 0.05).all()
    assert (spots < np.array([2.95, 1.95])).all()
    assert maps.place_labels([], (3.0, 2.0)) == []
