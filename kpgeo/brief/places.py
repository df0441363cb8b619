"""Coordinates as people type and read them: decimal, degrees-minutes-seconds, UTM and MGRS."""

from pyproj import Transformer

from kpgeo.model.grid import utm_epsg

_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"


def decimal_text(lon: float, lat: float, decimals: int) -> str:
    """Return `lat, lon` in degrees with a decimal point, as navigation devices take it.

    >>> decimal_text(-6.58, 8.17, 5)
    '8.17000, -6.58000'
    """
    return f"{lat:.{decimals}f}, {lon:.{decimals}f}"


def dms_text(lon: float, lat: float, decimals: int, letters: str = "NSEW") -> str:
    """Return degrees, minutes and seconds, latitude first.

    Parameters
    ----------
    decimals : int
        Decimals of the same coordinate in degrees; seconds get three fewer (5 and 1 are both about a metre or three).
    letters : str
        Letters of north, south, east and west.

    Examples
    --------
    >>> dms_text(-6.58, 8.17, 5)
    '8°10′12.0″ N, 6°34′48.0″ W'
    """
    north, south, east, west = tuple(letters)
    latitude = _dms(abs(lat), max(decimals - 4, 0), north if lat >= 0 else south)
    return f"{latitude}, {_dms(abs(lon), max(decimals - 4, 0), east if lon >= 0 else west)}"


def _dms(degrees: float, decimals: int, letter: str) -> str:
    """Write one positive angle, rounded once so that 60 seconds never show."""
    unit = 10**decimals
    whole = round(degrees * 3600 * unit)
    minutes, seconds = divmod(whole, 60 * unit)
    width = 3 + decimals if decimals else 2
    return f"{minutes // 60}°{minutes % 60:02d}′{seconds / unit:0{width}.{decimals}f}″ {letter}"


def utm_of(lon: float, lat: float) -> tuple[int, float, float]:
    """Return (EPSG code of the point's own UTM zone, easting, northing) in metres."""
    epsg = utm_epsg(lon, lat)
    easting, northing = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    return epsg, float(easting), float(northing)


def utm_text(lon: float, lat: float) -> str:
    """Return zone with hemisphere, easting and northing in whole metres.

    >>> utm_text(-6.58, 8.17)
    '29N 766647 903892'
    """
    epsg, easting, northing = utm_of(lon, lat)
    return f"{epsg % 100}{'N' if epsg < 32700 else 'S'} {easting:.0f} {northing:.0f}"


def mgrs_text(lon: float, lat: float) -> str:
    """Return the MGRS reference of a point to one metre; "" outside 80° S to 84° N.

    Letters follow NGA.STND.0037, section 3 (WGS 84 set AA). The widened zones of south-west Norway and Svalbard are not
    followed: there, plain zones are used, as in the point's UTM coordinates.

    Examples
    --------
    >>> mgrs_text(-6.58, 8.17)
    '29P QK 66646 03892'
    >>> mgrs_text(0.0, 0.0)
    '31N AA 66021 00000'
    """
    if not -80.0 <= lat <= 84.0:
        return ""
    epsg, easting, northing = utm_of(lon, lat)
    zone = epsg % 100
    band = _BANDS[min(int((lat + 80.0) // 8.0), 19)]
    column = _COLUMNS[(zone - 1) % 3][int(easting // 100_000) - 1]
    row = _ROWS[(int(northing // 100_000) + (5 if zone % 2 == 0 else 0)) % 20]
    return f"{zone:02d}{band} {column}{row} {int(easting % 100_000):05d} {int(northing % 100_000):05d}"
