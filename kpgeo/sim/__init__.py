"""Simulated worlds with known answers, written as real COGs with real STAC items."""

from kpgeo.sim.world import World, write_world

__all__ = ["World", "write_world"]
