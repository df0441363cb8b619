"""The class library: what ships is whole and sourced, what a stranger wrote is checked."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kpgeo.detect.library import (
    MAX_BYTES,
    Kin,
    Mark,
    format_library,
    parse_library,
    read_library,
    shipped_library,
)
from kpgeo.detect.spectra import optical_templates, radar_templates
from kpgeo.model.errors import BadInputError
from kpgeo.model.state import LandState

# The shipped library in the bands the filter uses, so that a test may add another band to any class.
TEXT = format_library(
    replace(shipped_library(), optical=tuple(replace(entry, others=()) for entry in shipped_library().optical))
)


def test_every_state_but_stable_has_a_look_and_an_echo() -> None:
    library = shipped_library()
    others = set(LandState) - {LandState.STABLE}
    assert {entry.state for entry in library.optical} == others
    assert {entry.state for entry in library.radar} == others


def test_every_figure_has_a_source_and_only_background_knowledge_counts_nothing() -> None:
    for entry in (*shipped_library().optical, *shipped_library().radar):
        assert entry.origin.source
        assert (entry.origin.n == 0) == (entry.origin.mark is Mark.BACKGROUND), entry.name


def test_a_library_survives_being_written_and_read() -> None:
    again = parse_library(format_library(shipped_library()), "again")
    assert again == shipped_library()
    assert [entry.others for entry in again.optical] == [entry.others for entry in shipped_library().optical]
    assert [entry.origin for entry in again.optical] == [entry.origin for entry in shipped_library().optical]
    assert again.digest() == shipped_library().digest()


def test_a_quote_in_a_source_survives() -> None:
    text = TEXT.replace('source = "', r'source = "a \"b\" \\c ', 1)
    assert parse_library(format_library(parse_library(text, "x")), "y").optical[0].origin.source.startswith('a "b" \\c')


def test_the_digest_follows_the_numbers_and_not_the_sources() -> None:
    library = shipped_library()
    reworded = parse_library(TEXT.replace('source = "', 'source = "Also '), "x")
    assert reworded.digest() == library.digest()
    green = f"green = {library.optical[0].mean[0]!r}"
    assert parse_library(TEXT.replace(green, "green = 0.3999", 1), "x").digest() != library.digest()


def test_templates_come_from_the_library_they_are_given() -> None:
    library = shipped_library()
    green = f"green = {library.optical[0].mean[0]!r}"
    moved = parse_library(TEXT.replace(green, "green = 0.3999", 1), "x")
    assert optical_templates(is_green=False, library=moved).mean[0, 0] == np.float32(0.3999)
    assert optical_templates(is_green=False).mean[0, 0] == np.float32(library.optical[0].mean[0])
    assert len(radar_templates(moved)[0]) == len(radar_templates()[0])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kpgeo_classes = 1", "kpgeo_classes = 2", "kpgeo_classes"),
        ('state = "pond"', 'state = "stable"', "state"),
        ('kin = "bare"', 'kin = "dirt"', "kin"),
        ("mean = { green", "mean = { gren", "the mean lacks green"),
        ("mean = { green", "mean = { pan = 0.1, green", "'pan' is not a band"),
        ("mean = { green", "mean = { swir16 = 0.1, green", "same bands"),
        ("mean = { green = 0", "mean = { green = 7", "less than or equal to 1"),
        ("mean = { green = 0", "mean = { green = nan, blue = 0", "finite"),
        ("change_db = { vv = -", "change_db = { vv = -9", "greater than or equal to -30"),
        ('mark = "', 'mark = "sure', "mark"),
        ("covers_frac = [", "covers_frac = [0.0, ", "greater than 0"),
        ('name = "', 'colour = "red"\nname = "', "colour"),
        ('source = "', 'source = "\\u0000', "source"),
        ("[[optical]]", "[[optical]", "not TOML"),
    ],
)
def test_what_breaks_the_form_is_refused_and_named(old: str, new: str, says: str) -> None:
    assert old in TEXT
    with pytest.raises(BadInputError) as refusal:
        parse_library(TEXT.replace(old, new, 1), "mine.toml")
    assert says in str(refusal.value)
    assert "mine.toml" in str(refusal.value)


def test_a_state_without_a_class_and_a_class_twice_are_refused() -> None:
    library = shipped_library()
    ponds = format_library(library).split("[[")
    without = "[[".join(part for part in ponds if not ("optical]]" in part and '"pond"' in part))
    with pytest.raises(BadInputError, match="no optical class of pond"):
        parse_library(without, "x")
    with pytest.raises(BadInputError, match="is there twice"):
        parse_library(TEXT + "\n[[" + next(part for part in ponds if part.startswith("radar")), "x")


def test_files_are_read_within_limits(tmp_path: Path) -> None:
    path = tmp_path / "classes.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert read_library(path) == shipped_library()
    path.write_bytes(b"\xff\xfe" + TEXT.encode("utf-16-le"))
    with pytest.raises(BadInputError, match="UTF-8"):
        read_library(path)
    path.write_text("#" * (MAX_BYTES + 1), encoding="utf-8")
    with pytest.raises(BadInputError, match="larger"):
        read_library(path)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_library(tmp_path / "none.toml")


def test_the_page_prints_the_figures_of_the_library() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "theory" / "class-spectra.md").read_text(encoding="utf-8")
    rows = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in page.splitlines() if line.startswith("|")]
    printed = {
        (*row[:2], len(_numbers(row[2]))): (_numbers(row[2]), _numbers(row[3]))
        for row in rows
        if len(row) == 6 and row[4] != "n"
    }
    for entry in shipped_library().entries:
        mean, spread = printed[entry.state.name.lower(), entry.name, len(entry.moments[0])]
        assert mean == pytest.approx(entry.moments[0]), entry.name
        assert spread == pytest.approx(entry.moments[1]), entry.name


def _numbers(cell: str) -> list[float]:
    return [float(text) for text in re.findall(r"-?[.0-9]*[0-9]", cell.replace("\u2212", "-"))]


def test_water_and_bare_ground_are_shared_looks() -> None:
    kin_of = {(entry.state, entry.kin) for entry in shipped_library().optical}
    assert (LandState.DUG, Kin.BARE) in kin_of
    assert (LandState.CLEARED, Kin.BARE) in kin_of
    assert (LandState.POND, Kin.WATER) in kin_of
    assert (LandState.BURNT, Kin.WATER) in kin_of
