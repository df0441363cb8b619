"""The one gateway to dask."""
