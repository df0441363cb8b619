"""Numpy and numba on plain arrays: no file, no dask, no configuration object."""
