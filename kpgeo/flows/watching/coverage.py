"""How much of an AOI was seen in a dekad: the whole of it, each stratum, and the land outside them."""

import numpy as np
from numpy.typing import NDArray

from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import dekad_end, dekad_start
from kpgeo.model.run import Coverage
from kpgeo.model.state import DekadFields

WHOLE = "*"
OUTSIDE = ""


def measure_coverage(watch: Watch, fields: DekadFields, scenes: int) -> tuple[Coverage, ...]:
    """Return the coverage of the whole AOI ("*"), of the land outside its strata ("") and of each stratum.

    A part that holds no pixel of the AOI has no row: nothing of it could be seen, and nothing could be missed. Where
    the AOI is watched in part, the shares are those of watched ground; but those of a stratum are of the whole of it,
    because production is reckoned by stratum and ground that is not watched may be dug.
    """
    last_optical = fields.last_optical_day
    is_looked = fields.looks > 0
    is_optical = (last_optical >= dekad_start(fields.dekad)) & (last_optical < dekad_end(fields.dekad))
    parts = [(WHOLE, watch.watched), (OUTSIDE, watch.watched & (watch.stratum_index == 0))]
    parts += [
        (stratum.id, watch.inside & (watch.stratum_index == number))
        for number, stratum in enumerate(watch.aoi.strata, start=1)
    ]
    return tuple(
        Coverage(
            aoi_id=watch.aoi.id,
            dekad=fields.dekad,
            stratum_id=stratum_id,
            scenes=scenes,
            look_frac=_share(is_looked, where),
            optical_frac=_share(is_optical, where),
        )
        for stratum_id, where in parts
        if where.any()
    )


def _share(is_seen: NDArray[np.bool_], where: NDArray[np.bool_]) -> float:
    """Return the share of a part's pixels that were seen, 0–1."""
    return float(np.count_nonzero(is_seen & where) / np.count_nonzero(where))
