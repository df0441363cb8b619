"""Reading: scenes and a grid in, a cube out."""

from kpgeo.ingest.cube import load_cube
from kpgeo.ingest.reach import reach_of, reaches

__all__ = ["load_cube", "reach_of", "reaches"]
