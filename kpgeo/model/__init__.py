"""Nouns: what kpgeo speaks of. No I/O, no dask, nothing of kpgeo below it."""
