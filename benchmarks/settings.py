"""The settings detectors are measured in: the usual world, a hard one, and worlds unlike those anyone tuned on."""

from dataclasses import dataclass, field
from typing import Any

from kpgeo.model.scene import Sensor
from kpgeo.options.sim import SimOptions
from kpgeo.sim.acquiring import Acquisition

TUNING_SEEDS = range(1, 100)
SCORING_SEEDS = range(1000, 10_000)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One kind of world.

    Attributes
    ----------
    about : str
        What is unusual about it, for the page.
    sim : dict
        Options of the simulated world that differ from the usual.
    is_lean : bool
        One Sentinel-2 satellite, no Landsat, Sentinel-1 every 24 days.
    is_shifted : bool
        Unlike the worlds thresholds are chosen on.
    """

    name: str
    about: str
    sim: dict[str, Any] = field(default_factory=dict)
    is_lean: bool = False
    is_shifted: bool = False

    def keeps(self, taken: Acquisition) -> bool:
        """Say whether the satellites of this setting made an acquisition."""
        if not self.is_lean:
            return True
        if taken.sensor is Sensor.SENTINEL2:
            return taken.platform == "sentinel-2a"
        return taken.sensor is Sensor.SENTINEL1 and taken.number % 2 == 0

    def options(self, seed: int, size_px: int, years: tuple[float, float], site_density: float) -> SimOptions:
        """Return the options of a world: `years` are those of history and those monitored."""
        return SimOptions(
            seed=seed,
            size_px=size_px,
            history_years=years[0],
            monitored_years=years[1],
            site_density=site_density,
            **self.sim,
        )


_HARD = {
    "site_min_ha": 0.03,
    "site_max_ha": 0.3,
    "covered_low_frac": 0.40,
    "covered_high_frac": 0.75,
    "missed_cloud_frac": 0.5,
}
_ALL = (
    Setting(name="standard", about="the simulator's usual world"),
    Setting(
        name="hard",
        about="workings of 0.03-0.3 ha that break 40-75 % of their pixels; twice the missed cloud",
        sim=_HARD,
    ),
    Setting(name="spectra", about="spectra two and a half times as far from the usual", sim={"spectral_spread": 2.5}),
    Setting(
        name="haze",
        about="haze twice as deep, twice the missed cloud",
        sim={"haze": 2.0, "missed_cloud_frac": 0.5},
    ),
    Setting(name="fires", about="80 % of the savanna burns each year", sim={"burn_rate": 0.8}),
    Setting(name="no-fires", about="5 % of the savanna burns each year", sim={"burn_rate": 0.05}),
    Setting(name="years", about="seasons differ twice as much from year to year", sim={"interannual": 2.0}),
    Setting(name="few-looks", about="one Sentinel-2, no Landsat, Sentinel-1 every 24 days", is_lean=True),
    Setting(
        name="shifted",
        about="scenes lie 0.75 px (standard deviation) off their place",
        sim={"misregistration_px": 0.75},
    ),
)
SETTINGS = {
    one.name: one if one.name in {"standard", "hard"} else Setting(**{**vars(one), "is_shifted": True}) for one in _ALL
}
