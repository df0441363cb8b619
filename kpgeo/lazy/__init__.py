"""The one gateway to dask."""

from kpgeo.lazy.cluster import Client, ClusterOptions, InProcess, cluster_versions, open_cluster, worker_count
from kpgeo.lazy.remote import require_able
from kpgeo.lazy.tiles import TileFailure, map_tiles

__all__ = [
    "Client",
    "ClusterOptions",
    "InProcess",
    "TileFailure",
    "cluster_versions",
    "map_tiles",
    "open_cluster",
    "require_able",
    "worker_count",
]
