"""Clear looks: a cube in, the same bands out, NaN where nothing was clearly seen."""

from kpgeo.features.looks import clear_looks
from kpgeo.features.veils import drop_veiled

__all__ = ["clear_looks", "drop_veiled"]
