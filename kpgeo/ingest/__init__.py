"""Reading: scenes and a grid in, a cube out."""

from kpgeo.ingest.cube import load_cube

__all__ = ["load_cube"]
