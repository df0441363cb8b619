"""Permits: from checked fields to `Permit`. What a register says of its holders is text of strangers."""

import itertools
from collections.abc import Sequence

from shapely.geometry.base import BaseGeometry

from kpgeo.model.aoi import Commodity, Permit, Sourced
from kpgeo.registry.fields import MAX_NAME, Fields
from kpgeo.registry.rules import Findings, clean

PERMIT_FIELDS = ("id", "holder", "commodity", "valid_from", "valid_until")
_MAX_ID = 64
_DATES = "permit-dates"


def read_permit(fields: Fields, geometry: BaseGeometry, source: Sourced) -> Permit:
    """Return the permit a feature describes; stand-ins take the place of what is wrong.

    The id is the register's own, any text that can be shown. The holder and the commodity may be left out or null. Both
    dates must be there, and either may be null: an end that nobody wrote down must not pass for an open one.
    """
    start = fields.day("valid_from", may_be_open=True, rule=_DATES)
    end = fields.day("valid_until", may_be_open=True, rule=_DATES)
    if start is not None and end is not None and end <= start:
        fields.found.add(_DATES, "The permit ends before it begins.", fields.place)
    return Permit(
        id=fields.text("id", _MAX_ID),
        geometry=geometry,
        source=source,
        holder=fields.text("holder", MAX_NAME) if fields.content.get("holder") is not None else "",
        commodity=_commodity(fields),
        valid_from_day=start,
        valid_until_day=end,
    )


def _commodity(fields: Fields) -> Commodity | None:
    if fields.content.get("commodity") is None:
        return None
    return fields.kind("commodity", Commodity, "commodity-unknown")


def check_permits(permits: Sequence[Permit], found: Findings) -> None:
    """Record permits of one id that are valid on one day: a renewal follows the permit that it renews."""
    ordered = sorted(permits, key=lambda permit: (permit.id, permit.starts_at_day))
    for one, other in itertools.pairwise(ordered):
        is_over = one.valid_until_day is not None and one.valid_until_day <= other.starts_at_day
        if one.id and one.id == other.id and not is_over:
            found.add("permit-repeated", f"Two permits '{clean(one.id)}' are valid at one time.", clean(one.id))
