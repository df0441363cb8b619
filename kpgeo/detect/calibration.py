"""The calibration the detector carries: what each of its versions was measured to do, in a file of its own."""

import re
import tomllib
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from kpgeo.detect.lineage import DETECTOR, Detector
from kpgeo.kernels.calibrate import calibrate_prob
from kpgeo.kernels.counts import poisson_interval
from kpgeo.model.errors import BadInputError
from kpgeo.model.operating import BeliefMap, Calibration, OperatingCurve
from kpgeo.model.state import DekadFields

_HEAD = """\
# What {detector} was measured to do on {ground}. Made by `python -m benchmarks.operating`; not to be edited.
# These are no field accuracies. Rates are per 1,000 km2 and month, with exact 95 % intervals (Garwood 1936).
"""
_ADAPTER = TypeAdapter(Calibration)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@lru_cache(maxsize=8)
def carried_calibration(detector: Detector = DETECTOR) -> Calibration | None:
    """Return the calibration kpgeo carries for a version of the detector; None where that was never calibrated.

    Raises
    ------
    BadInputError
        The carried file is of another detector, or contradicts itself.
    """
    label = f"{detector.name}-{detector.version}"
    found = files("kpgeo.detect").joinpath("calibrations", f"{label}.toml")
    if not found.is_file():
        return None
    calibration = parse_calibration(found.read_text(encoding="utf-8"), where=f"{label}.toml")
    if calibration.detector != label:
        raise BadInputError(
            f"The calibration is of {calibration.detector}.", where=f"{label}.toml", remedy="Calibrate this version."
        )
    return calibration


def calibration_path(detector: Detector = DETECTOR) -> Path:
    """Return where the calibration of a version of the detector is kept in a checkout."""
    return Path(__file__).parent / "calibrations" / f"{detector.name}-{detector.version}.toml"


def calibrate_fields(fields: DekadFields, belief_map: BeliefMap) -> DekadFields:
    """Return fields whose beliefs in mining are calibrated; the very same ones where the map has no knots.

    What is believed of ponds goes along with what is believed of mining, and what is left over with the other states,
    so that the beliefs of a pixel still add up.
    """
    if not belief_map.believed:
        return fields
    mined = calibrate_prob(fields.mined_prob, belief_map.knots)
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(fields.mined_prob > 0.0, mined / fields.mined_prob, 1.0).astype(np.float32)
        rest = np.where(fields.mined_prob < 1.0, (1.0 - mined) / (1.0 - fields.mined_prob), 1.0).astype(np.float32)
    return replace(
        fields,
        mined_prob=mined,
        pond_prob=np.minimum(fields.pond_prob * up, mined),
        regrowth_prob=np.minimum(fields.regrowth_prob * rest, np.float32(1.0) - mined),
        cleared_prob=np.minimum(fields.cleared_prob * rest, np.float32(1.0) - mined),
    )


def parse_calibration(text: str, where: str = "calibration") -> Calibration:
    """Read a calibration from TOML.

    Raises
    ------
    BadInputError
        The text is not TOML, a field is missing, unknown or of the wrong type, or the content contradicts itself.
    """
    try:
        content = tomllib.loads(text)
        unknown = set(content) - set(Calibration.__dataclass_fields__)
        if unknown:
            raise BadInputError(f"Unknown field {min(unknown)!r}.", where=where)
        return _ADAPTER.validate_python(content)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"The calibration is not TOML ({error}).", where=where) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"{field}: {first['msg']}.", where=where) from error


def format_calibration(calibration: Calibration) -> str:
    """Return a calibration as TOML, with its rates in comments: `parse_calibration` gives it back unchanged."""
    detector, ground = (_CONTROL.sub(" ", text) for text in (calibration.detector, calibration.ground))
    lines = [_HEAD.format(detector=detector, ground=ground)]
    for name, value in vars(calibration).items():
        if name not in {"curves", "belief", "site", "total", "options"}:
            lines.append(f"{name} = {_toml(value)}")
    for name in ("total", "options"):
        rows = getattr(calibration, name).items()
        lines += ["", f"[{name}]", *(f"{_toml(key)} = {_toml(value)}" for key, value in rows)]
    lines += ["", "[belief]", *_map_lines(calibration.belief), "", "[site]", *_map_lines(calibration.site)]
    for curve in calibration.curves:
        lines += ["", *_curve_lines(curve, calibration)]
    return "\n".join(lines) + "\n"


def _map_lines(known: BeliefMap) -> list[str]:
    return [f"believed = {_toml(known.believed)}", f"true = {_toml(known.true)}"]


def _curve_lines(curve: OperatingCurve, calibration: Calibration) -> list[str]:
    """Return one curve, its rates before it as comments."""
    lines = ["[[curves]]"]
    exposure = calibration.km2_months / 1000.0
    for place, (confidence, count) in enumerate(zip(curve.confidence, curve.false_alerts, strict=True)):
        low, high = poisson_interval(count, exposure)
        found = ", ".join(f"{size} ha {row[place]}/{calibration.total[size]}" for size, row in curve.found.items())
        lines.append(f"# {confidence:.3f}: {count} false, {count / exposure:.2f} [{low:.2f}-{high:.2f}]; found {found}")
    lines += [f"min_area_ha = {curve.min_area_ha!r}", f"confidence = {_toml(curve.confidence)}"]
    lines += [f"false_alerts = {_toml(curve.false_alerts)}", "", "[curves.found]"]
    return lines + [f"{_toml(size)} = {_toml(row)}" for size, row in curve.found.items()]


def _toml(value: object) -> str:
    """Write text, a number, or a list of them."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'
    return repr(value)
