"""Quality layers of the providers in kpgeo's vocabulary (`LookClass`)."""

import numpy as np
from numpy.typing import NDArray

from kpgeo.model.scene import LookClass

# Sentinel-2 L2A scene classification, ESA Sen2Cor 2.10 user manual, table 1. "Dark area" (2) is shade of the ground
# itself, burnt ground and water in pits as often as shadow, so it counts as seen; 7 is "unclassified", mostly bare.
_SCL = {
    0: LookClass.NOT_ACQUIRED,
    1: LookClass.DEFECTIVE,
    2: LookClass.CLEAR,
    3: LookClass.SHADOW,
    4: LookClass.CLEAR,
    5: LookClass.CLEAR,
    6: LookClass.WATER,
    7: LookClass.CLEAR,
    8: LookClass.CLOUD,
    9: LookClass.CLOUD,
    10: LookClass.HAZE,
    11: LookClass.SNOW,
}
_SCL_TABLE = np.full(256, LookClass.DEFECTIVE, dtype=np.uint8)
_SCL_TABLE[list(_SCL)] = list(_SCL.values())

# Landsat Collection 2 QA_PIXEL, USGS LSDS-1619 table 5-1 (LSDS-1618 for TM and ETM+, where bit 2 is unused). The later
# of these rules wins. The provider's own margin around clouds (bit 1) is haze here: not clear, but not grown again.
_QA_PIXEL_RULES = (
    (7, LookClass.WATER),
    (5, LookClass.SNOW),
    (1, LookClass.HAZE),
    (2, LookClass.HAZE),
    (4, LookClass.SHADOW),
    (3, LookClass.CLOUD),
    (0, LookClass.NOT_ACQUIRED),
)


def classes_of_scl(scl: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return `LookClass` codes of Sentinel-2 scene classes; NaN is not acquired, an unknown class is defective."""
    codes = np.clip(np.nan_to_num(scl, nan=0.0), 0, 255).astype(np.uint8)
    classes: NDArray[np.uint8] = _SCL_TABLE[codes]
    return classes


def classes_of_qa_pixel(qa_pixel: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return `LookClass` codes of Landsat QA_PIXEL bits; NaN is not acquired."""
    bits = np.clip(np.nan_to_num(qa_pixel, nan=1.0), 0, 65535).astype(np.uint16)
    classes = np.full(bits.shape, LookClass.CLEAR, dtype=np.uint8)
    for bit, look_class in _QA_PIXEL_RULES:
        classes[(bits >> bit) & 1 == 1] = look_class
    return classes
