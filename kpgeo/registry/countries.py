"""Where countries lie, roughly, and how kpgeo spells them.

The boxes are rounded outwards to whole degrees or so and widened by `MARGIN_DEG`: they catch swapped axes and wrong
codes, they draw no border and take no side in any dispute. A country that is not listed is not checked.
"""

from dataclasses import dataclass

MARGIN_DEG = 0.5


@dataclass(frozen=True, kw_only=True)
class Country:
    """A country's spelling, its Kimberley Process participant, and its box in degrees (EPSG:4326)."""

    name: str
    participant: str
    lon_min: float
    lat_min: float
    lon_max: float
    lat_max: float

    def is_near(self, bounds: tuple[float, float, float, float]) -> bool:
        """Say whether a box (lon_min, lat_min, lon_max, lat_max) lies in the country's box and its margin."""
        west, south, east, north = bounds
        return (
            west >= self.lon_min - MARGIN_DEG
            and south >= self.lat_min - MARGIN_DEG
            and east <= self.lon_max + MARGIN_DEG
            and north <= self.lat_max + MARGIN_DEG
        )


def _country(name: str, *box: float) -> Country:
    west, south, east, north = box
    return Country(name=name, participant=name, lon_min=west, lat_min=south, lon_max=east, lat_max=north)


COUNTRIES = {
    "AGO": _country("Angola", 11.5, -18.1, 24.1, -4.3),
    "BWA": _country("Botswana", 19.9, -27.0, 29.4, -17.7),
    "CAF": _country("Central African Republic", 14.4, 2.2, 27.5, 11.1),
    "CIV": _country("Côte d'Ivoire", -8.7, 4.2, -2.4, 10.8),
    "COD": _country("Democratic Republic of the Congo", 12.1, -13.5, 31.4, 5.4),
    "GHA": _country("Ghana", -3.3, 4.6, 1.3, 11.2),
    "GIN": _country("Guinea", -15.2, 7.1, -7.6, 12.7),
    "LBR": _country("Liberia", -11.6, 4.2, -7.3, 8.6),
    "SLE": _country("Sierra Leone", -13.4, 6.8, -10.2, 10.1),
    "TZA": _country("Tanzania", 29.3, -11.8, 40.5, -0.9),
    "VEN": _country("Venezuela", -73.4, 0.6, -59.8, 12.3),
    "ZWE": _country("Zimbabwe", 25.2, -22.5, 33.1, -15.6),
}
