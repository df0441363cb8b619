"""The class library: what each land state looks like, with a source for every figure. Read from TOML, and checked.

The library that comes with kpgeo is `classes.toml` beside this module; `kpgeo calibrate` writes files of the same form,
and a pipeline names one with `[detect] classes`.
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest
from kpgeo.model.scene import OPTICAL_BANDS, RADAR_BANDS
from kpgeo.model.state import FILTER_BANDS, LandState
from kpgeo.options.detect import DetectOptions

MAX_BYTES = 1024 * 1024
MAX_CLASSES = 40
FORM = 1


class Kin(IntEnum):
    """What a look has in common with those of other states.

    What ground is made of says little about why it is bare, or wet; a look of its own is like no other state's.
    """

    OWN = 0
    BARE = 1
    WATER = 2


class Mark(StrEnum):
    """How well a figure is founded, best first."""

    CALIBRATED = "calibrated"  # re-estimated from an analyst's labels over the area itself
    MEASURED = "measured"  # measured by kpgeo's authors on open imagery; the page says how
    LIBRARY = "library"  # computed from spectra of a published library
    PUBLISHED = "published"  # printed in the source
    BACKGROUND = "B-M"  # background knowledge, read nowhere


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a class's figures come from.

    Attributes
    ----------
    n : int
        Spectra, pixels or sites behind them; 0 where none were counted.
    """

    n: int
    source: str
    mark: Mark
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """One way a state looks.

    Attributes
    ----------
    mean, spread : tuple of float
        Reflectance (0-1) in `FILTER_BANDS`, of ground that covers the whole pixel, and its standard deviation from
        place to place.
    fracs : tuple of float
        Shares of a pixel it covers.
    others : tuple of (str, float, float)
        Mean and spread in bands the filter does not use.
    """

    state: LandState
    name: str
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    fracs: tuple[float, ...]
    kin: Kin
    origin: Origin = field(compare=False)
    others: tuple[tuple[str, float, float], ...] = field(default=(), compare=False)

    @property
    def kind(self) -> str:
        """Return "optical"."""
        return "optical"

    @property
    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and spread, float64 (4,)."""
        return np.array(self.mean), np.array(self.spread)


@dataclass(frozen=True, kw_only=True)
class Backscatter:
    """One way a state changes gamma0 (vv, vh), in dB against the pixel's season, where it covers the whole pixel."""

    state: LandState
    name: str
    change_db: tuple[float, ...]
    spread_db: tuple[float, ...]
    fracs: tuple[float, ...]
    kin: Kin
    origin: Origin = field(compare=False)

    @property
    def kind(self) -> str:
        """Return "radar"."""
        return "radar"

    @property
    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean change and its spread in dB, float64 (2,)."""
        return np.array(self.change_db), np.array(self.spread_db)


Entry = Spectrum | Backscatter


@dataclass(frozen=True, kw_only=True)
class ClassLibrary:
    """Every class of every land state but `STABLE`, which is the pixel's own season."""

    optical: tuple[Spectrum, ...]
    radar: tuple[Backscatter, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return the classes of both kinds, optical ones first."""
        return (*self.optical, *self.radar)

    def digest(self) -> str:
        """Return 12 hex digits that change when a number, name, state or kin changes, and not with a source or note."""
        rows = [(c.state.name, c.name, c.kin.name, c.fracs, c.mean, c.spread) for c in self.optical]
        rows += [(c.state.name, c.name, c.kin.name, c.fracs, c.change_db, c.spread_db) for c in self.radar]
        return digest(rows)[:12]


_Text = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Frac = Annotated[float, Field(gt=0.0, le=1.0)]
_Reflectance = Annotated[float, Field(ge=0.0, le=1.0)]
_Spread = Annotated[float, Field(ge=0.002, le=0.5)]
_Change = Annotated[float, Field(ge=-30.0, le=30.0)]
_SpreadDb = Annotated[float, Field(ge=0.1, le=15.0)]


class _Row(BaseModel):
    """What a class in the file has, of either kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    state: Literal["burnt", "cropped", "cleared", "dug", "pond", "regrowth"]
    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
    kin: Literal["own", "bare", "water"] = "own"
    covers_frac: Annotated[list[_Frac], Field(min_length=1, max_length=5)]
    n: int = Field(ge=0)
    source: _Text
    mark: Mark
    note: Annotated[str, Field(max_length=600, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""

    @field_validator("mark", mode="before")
    @classmethod
    def _mark(cls, value: object) -> object:
        return Mark(value) if isinstance(value, str) and value in set(Mark) else value

    @property
    def common(self) -> dict[str, Any]:
        """Return what both kinds of class share."""
        return {
            "state": LandState[self.state.upper()],
            "name": self.name,
            "kin": Kin[self.kin.upper()],
            "fracs": tuple(self.covers_frac),
            "origin": Origin(n=self.n, source=self.source, mark=self.mark, note=self.note),
        }


class _OpticalRow(_Row):
    mean: dict[str, _Reflectance]
    spread: dict[str, _Spread]

    @model_validator(mode="after")
    def _has_the_bands(self) -> Self:
        _check_bands(self.mean, self.spread, FILTER_BANDS, OPTICAL_BANDS)
        return self

    def read(self) -> Spectrum:
        """Return the class."""
        others = tuple((b, self.mean[b], self.spread[b]) for b in self.mean if b not in FILTER_BANDS)
        mean, spread = (tuple(values[band] for band in FILTER_BANDS) for values in (self.mean, self.spread))
        return Spectrum(**self.common, mean=mean, spread=spread, others=others)


class _RadarRow(_Row):
    change_db: dict[str, _Change]
    spread_db: dict[str, _SpreadDb]

    @model_validator(mode="after")
    def _has_the_bands(self) -> Self:
        _check_bands(self.change_db, self.spread_db, RADAR_BANDS, RADAR_BANDS)
        return self

    def read(self) -> Backscatter:
        """Return the class."""
        change, spread = (tuple(values[band] for band in RADAR_BANDS) for values in (self.change_db, self.spread_db))
        return Backscatter(**self.common, change_db=change, spread_db=spread)


def _check_bands(mean: dict[str, float], spread: dict[str, float], must: Sequence[str], may: Sequence[str]) -> None:
    """Refuse a class that lacks a band, names one kpgeo does not know, or has a mean without a spread."""
    if missing := [band for band in must if band not in mean]:
        raise ValueError(f"the mean lacks {', '.join(missing)}")
    if unknown := [band for band in mean if band not in may]:
        raise ValueError(f"{unknown[0]!r} is not a band; bands are {', '.join(may)}")
    if set(mean) != set(spread):
        raise ValueError("mean and spread must name the same bands")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kpgeo_classes: Literal[1]
    optical: Annotated[list[_OpticalRow], Field(max_length=MAX_CLASSES)]
    radar: Annotated[list[_RadarRow], Field(max_length=MAX_CLASSES)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for kind, rows in (("optical", self.optical), ("radar", self.radar)):
            keys = [(row.state, row.name) for row in rows]
            if twice := [key for key in keys if keys.count(key) > 1]:
                raise ValueError(f"{kind} class '{twice[0][1]}' of {twice[0][0]} is there twice")
            seen = {row.state for row in rows}
            lacking = [s.name.lower() for s in LandState if s is not LandState.STABLE and s.name.lower() not in seen]
            if lacking:
                raise ValueError(f"no {kind} class of {', '.join(lacking)}: the filter could never see it")
        return self


@lru_cache(maxsize=1)
def shipped_library() -> ClassLibrary:
    """Return the library that comes with kpgeo."""
    return parse_library(files("kpgeo.detect").joinpath("classes.toml").read_text(encoding="utf-8"), "classes.toml")


def library_of(options: DetectOptions) -> ClassLibrary:
    """Return the library a pipeline names in `[detect] classes`, or the one that comes with kpgeo.

    Raises
    ------
    BadInputError
        The file it names is refused by `parse_library`.
    """
    return parse_library(options.classes_text, options.classes) if options.classes_text else shipped_library()


def read_library(path: Path) -> ClassLibrary:
    """Read a class library from a file.

    Raises
    ------
    BadInputError
        The file cannot be read, is larger than `MAX_BYTES`, or is refused by `parse_library`.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise BadInputError(f"The class library cannot be read ({error.strerror}).", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"The class library is not UTF-8 (byte {error.start}).", where=str(path)) from error
    if len(raw) > MAX_BYTES:
        raise BadInputError(f"The class library is larger than {MAX_BYTES:,} bytes.", where=str(path))
    return parse_library(text, str(path))


@lru_cache(maxsize=8)
def parse_library(text: str, where: str) -> ClassLibrary:
    """Read a class library from its text; `where` is named in errors.

    Raises
    ------
    BadInputError
        The text is not TOML, or breaks the schema; the message names the class and the field.
    """
    remedy = "See the class library in the reference, or write one with `kpgeo calibrate`."
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"The class library is not TOML ({error}).", where=where, remedy=remedy) from error
    try:
        checked = _File.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = _place(content, first["loc"])
        raise BadInputError(f"{place}{first['msg']}.", where=where, remedy=remedy) from error
    return ClassLibrary(
        optical=tuple(row.read() for row in checked.optical), radar=tuple(row.read() for row in checked.radar)
    )


def _place(content: dict[str, Any], loc: tuple[int | str, ...]) -> str:
    """Name the class and the field that pydantic points at."""
    if not loc:
        return ""
    if len(loc) > 1 and isinstance(loc[1], int):
        row = content[str(loc[0])][loc[1]]
        name = row.get("name") if isinstance(row, dict) else None
        whose = f"'{name}'" if isinstance(name, str) and name.isprintable() else f"number {loc[1] + 1}"
        return ": ".join([f"{loc[0]} class {whose}", *(".".join(str(part) for part in loc[2:]).split())]) + ": "
    return ".".join(str(part) for part in loc) + ": "


def format_library(library: ClassLibrary, comment: str = "") -> str:
    """Return a library as TOML text that `parse_library` reads back, with a comment before it."""
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += [f"kpgeo_classes = {FORM}"]
    for spectrum in library.optical:
        values = [(b, m, s) for b, m, s in zip(FILTER_BANDS, spectrum.mean, spectrum.spread, strict=True)]
        lines += ["", "[[optical]]", *_head(spectrum), *_numbers("mean", "spread", [*values, *spectrum.others], 4)]
    for entry in library.radar:
        values = list(zip(RADAR_BANDS, entry.change_db, entry.spread_db, strict=True))
        lines += ["", "[[radar]]", *_head(entry), *_numbers("change_db", "spread_db", values, 2)]
    return "\n".join(lines) + "\n"


def _head(entry: Entry) -> list[str]:
    """Return the lines that both kinds of class begin with."""
    origin = entry.origin
    lines = [f'state = "{entry.state.name.lower()}"', f"name = {_quoted(entry.name)}"]
    lines += [f'kin = "{entry.kin.name.lower()}"', f"covers_frac = {list(entry.fracs)}"]
    lines += [f"n = {origin.n}", f'mark = "{origin.mark}"', f"source = {_quoted(origin.source)}"]
    return [*lines, f"note = {_quoted(origin.note)}"] if origin.note else lines


def _numbers(mean: str, spread: str, values: Iterable[tuple[str, float, float]], decimals: int) -> list[str]:
    """Return the two lines of figures."""
    pairs = [(f"{b} = {round(m, decimals)!r}", f"{b} = {round(s, decimals)!r}") for b, m, s in values]
    means, spreads = (", ".join(texts) for texts in zip(*pairs, strict=True))
    return [f"{mean} = {{ {means} }}", f"{spread} = {{ {spreads} }}"]


def _quoted(text: str) -> str:
    """Write a text as a TOML basic string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
