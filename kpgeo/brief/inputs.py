"""What a brief is made of. Flows fill this; every part may be empty, and the brief then says so."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from kpgeo.model.alert import Alert
from kpgeo.model.aoi import Aoi, LeftOut
from kpgeo.model.errors import BadInputError
from kpgeo.model.finding import Finding
from kpgeo.model.grid import Grid
from kpgeo.model.operating import OperatingPoint
from kpgeo.model.production import Comparison, DeclaredFigure
from kpgeo.model.run import Coverage, Gap
from kpgeo.model.scene import Sensor
from kpgeo.model.site import Site, SiteEvent, SiteMonth
from kpgeo.model.surroundings import Surroundings

_NOT_SEEN_GREY = 217
_BLACK_AND_WHITE = (0.02, 0.98)


def _check_picture(rgb: NDArray[np.uint8], geobox: GeoBox, where: str) -> None:
    """Refuse an array that is not uint8 (y, x, 3) of the geobox's size."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise BadInputError(f"A picture must be uint8 (y, x, 3), not {rgb.dtype} {rgb.shape}.", where=where)
    if rgb.shape[:2] != tuple(geobox.shape):
        raise BadInputError(f"The picture is {rgb.shape[:2]}, its geobox {tuple(geobox.shape)}.", where=where)


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A small satellite picture of one site, from one scene.

    Attributes
    ----------
    rgb : uint8 (y, x, 3)
        Colours as they are to be printed. The two chips of a pair must have been stretched alike: `stretch_alike` does
        it.
    geobox : GeoBox
        Where the pixels lie; north-up, in the UTM zone of the AOI's grid.
    datetime : datetime
        Sensing time, UTC.
    scene_id : str
        The scene's id.
    cloud_frac : float or None
        Share of the chip that is not clear, 0–1; None where nobody knows.
    bands : tuple of str
        The bands shown as red, green and blue, such as `("swir16", "nir", "red")`; empty where not said.
    """

    rgb: NDArray[np.uint8]
    geobox: GeoBox
    datetime: dt.datetime
    sensor: Sensor
    scene_id: str
    cloud_frac: float | None = None
    bands: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_picture(self.rgb, self.geobox, f"chip of {self.scene_id}")


@dataclass(frozen=True, kw_only=True)
class ChipPair:
    """A site before and after; None where no clear picture was found."""

    before: Chip | None = None
    after: Chip | None = None


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """What the overview map is drawn on: uint8 (y, x, 3) with its geobox, and where it comes from."""

    rgb: NDArray[np.uint8]
    geobox: GeoBox
    sensor: Sensor | None = None
    datetime: dt.datetime | None = None

    def __post_init__(self) -> None:
        _check_picture(self.rgb, self.geobox, "backdrop")


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Where the brief's numbers come from.

    Attributes
    ----------
    snapshot_id : str
        The commit of the pixel state the brief was read from.
    scenes : mapping of Sensor to int
        Scenes of the brief's period folded in, by sensor.
    last_scene : datetime or None
        Sensing time of the latest scene folded in, UTC.
    min_site_ha : float or None
        Smallest site the detector keeps, hectares.
    operating : OperatingPoint or None
        How sure kpgeo had to be of a site to announce it, and what that stands for; None where unknown.
    """

    run_id: str = ""
    lineage: str = ""
    kpgeo_version: str = ""
    snapshot_id: str = ""
    options_digest: str = ""
    scenes: Mapping[Sensor, int] = field(default_factory=dict)
    last_scene: dt.datetime | None = None
    min_site_ha: float | None = None
    operating: OperatingPoint | None = None


@dataclass(frozen=True, kw_only=True)
class BriefInputs:
    """All a brief says, and nothing else.

    Attributes
    ----------
    start_day, end_day : int
        The brief's period, half-open.
    sites : sequence of Site
        As they stand at the end of the last dekad of the period, closed ones too.
    site_history : mapping of site id to list of Site
        Rows of the dekads before, in any order.
    site_months : mapping of site id to sequence of SiteMonth
        The months of each site up to the last dekad of the period.
    site_events, alerts, coverage, comparisons, declared, gaps : sequence
        Whatever the tables hold for the AOI; rows outside the period are left out by the brief where they do not
        belong. Declared figures and comparisons are shown for the years `BriefOptions.years_of_figures` allows.
    totals : sequence of DeclaredFigure
        Of the declared figures, one a period: the newest vintage, all ways of mining together.
    findings : sequence of Finding
        What the statistical checks found in the participant's figures.
    chips : mapping of site id to ChipPair
    surroundings : mapping of site id to Surroundings
    left_out : LeftOut or None
        What of the AOI is not watched, by choice; None where it is watched whole.
    simulated : bool
        True where the AOI is a simulated world.
    """

    aoi: Aoi
    grid: Grid
    start_day: int
    end_day: int
    sites: Sequence[Site] = ()
    site_history: Mapping[str, Sequence[Site]] = field(default_factory=dict)
    site_months: Mapping[str, Sequence[SiteMonth]] = field(default_factory=dict)
    site_events: Sequence[SiteEvent] = ()
    alerts: Sequence[Alert] = ()
    coverage: Sequence[Coverage] = ()
    comparisons: Sequence[Comparison] = ()
    declared: Sequence[DeclaredFigure] = ()
    totals: Sequence[DeclaredFigure] = ()
    findings: Sequence[Finding] = ()
    gaps: Sequence[Gap] = ()
    chips: Mapping[str, ChipPair] = field(default_factory=dict)
    surroundings: Mapping[str, Surroundings] = field(default_factory=dict)
    left_out: LeftOut | None = None
    backdrop: Backdrop | None = None
    run: RunFacts = field(default_factory=RunFacts)
    simulated: bool = False

    def __post_init__(self) -> None:
        if self.end_day <= self.start_day:
            raise BadInputError("A brief's period must end after it starts.", where="brief", remedy="Swap the dates.")
        pictures: list[Chip | Backdrop] = [
            chip for pair in self.chips.values() for chip in (pair.before, pair.after) if chip
        ]
        if self.backdrop is not None:
            pictures.append(self.backdrop)
        for picture in pictures:
            crs = picture.geobox.crs
            if crs is None or crs.epsg != self.grid.epsg:
                raise BadInputError(
                    f"A picture of the brief is not in EPSG:{self.grid.epsg}.",
                    where=f"brief of {self.aoi.id}",
                    remedy="Read it onto a geobox of the AOI's grid.",
                )


@dataclass(frozen=True, kw_only=True)
class FieldFacts:
    """One of a participant's fields that kpgeo knows.

    Attributes
    ----------
    coverage : sequence of Coverage
        How much of it was seen, dekad by dekad; empty where it is not watched.
    left_out : LeftOut or None
        What of it is not watched, by choice.
    """

    names: Mapping[str, str]
    area_ha: float
    is_watched: bool
    coverage: Sequence[Coverage] = ()
    left_out: LeftOut | None = None


@dataclass(frozen=True, kw_only=True)
class ParticipantInputs:
    """All a participant's page says, and nothing else.

    Attributes
    ----------
    aois : sequence of Aoi
        Those of its fields that are watched.
    comparisons : sequence of Comparison
        Of all these AOIs together, one a period.
    declared, totals : sequence of DeclaredFigure
        Every vintage; and, of each period, the newest, all ways of mining together.
    findings : sequence of Finding
        What the statistical checks found in the participant's figures.
    """

    participant: str
    iso3: str
    aois: Sequence[Aoi] = ()
    comparisons: Sequence[Comparison] = ()
    declared: Sequence[DeclaredFigure] = ()
    totals: Sequence[DeclaredFigure] = ()
    findings: Sequence[Finding] = ()
    fields: Sequence[FieldFacts] = ()
    simulated: bool = False


def stretch_alike(pictures: Sequence[NDArray[np.float32] | None]) -> list[NDArray[np.uint8] | None]:
    """Stretch several pictures of one place with one common stretch, so that they can be compared by eye.

    The darkest and the brightest fiftieth of all pictures together, band by band, become black and white.

    Parameters
    ----------
    pictures : sequence of float (y, x, 3), or None
        Reflectance of the three bands shown, in the order red, green, blue of the print; NaN where not looked.

    Returns
    -------
    list of uint8 (y, x, 3), or None
        Light grey where not looked; None where the picture was None.
    """
    seen = [picture.reshape(-1, 3) for picture in pictures if picture is not None]
    stacked = np.concatenate(seen) if seen else np.zeros((0, 3), np.float32)
    stacked = stacked[np.isfinite(stacked).all(axis=1)]
    if not len(stacked):
        stacked = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], np.float32)
    low, high = np.quantile(stacked, _BLACK_AND_WHITE, axis=0)
    span = np.maximum(high - low, 1e-4)
    return [None if picture is None else _stretched(picture, low, span) for picture in pictures]


def _stretched(picture: NDArray[np.float32], low: NDArray[np.float64], span: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return one picture as uint8, grey where not looked."""
    is_seen = np.isfinite(picture).all(axis=2)
    scaled = np.clip((np.nan_to_num(picture) - low) / span, 0.0, 1.0) * 255.0
    scaled[~is_seen] = _NOT_SEEN_GREY
    stretched: NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
    return stretched
