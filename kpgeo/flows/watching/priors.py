"""Where new digging is expected: strata, drainage and known workings as one factor on the rate of opening."""

import numpy as np
from numpy.typing import NDArray

from kpgeo import registry
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.aoi import LayerKind
from kpgeo.model.grid import Tile
from kpgeo.options.prior import PriorOptions

_REACHES = 6.0  # beyond so many times `drainage_m` the factor of drainage is 1


def opening_boost_of(watch: Watch, tile: Tile, options: PriorOptions) -> NDArray[np.float32]:
    r"""Return how many times likelier digging opens than on land outside strata, far from drainage and workings.

    Outside every stratum at the distance d from drainage the factor is

    .. math:: \exp\!\big(\ln b_\mathrm{drainage} \; 2^{-d / d_0}\big), \qquad d_0 = \mathtt{drainage\_m},

    which is :math:`b` on the line, :math:`\sqrt b` at :math:`d_0` and 1 beyond 6 :math:`d_0`. Inside a stratum it is
    `detect.stratum_boost` alone: strata are drawn where gravel lies, so drainage would count twice. Known workings
    multiply either by `workings_boost`; the whole is at most `most`, but no less than `stratum_boost` in a stratum.

    Returns
    -------
    float32 (y, x)
        1 or more. Without layers it is `stratum_boost` inside strata and 1 elsewhere.

    Notes
    -----
    Alluvial diamonds are worked in the gravels of present and former streams, a few tens to some hundred metres wide
    (Birim: 10-120 m), and artisans go back to ground that has paid. The sizes of the factors are background knowledge
    (B-M).
    """
    in_stratum = watch.stratum_index_of(tile) > 0
    stratum_boost = np.float32(watch.pipeline.detect.stratum_boost)
    boost = np.ones(in_stratum.shape, dtype=np.float32)
    if watch.aoi.layers_of(LayerKind.DRAINAGE):
        cap_m = _REACHES * options.drainage_m
        far_m = registry.rasterize_drainage_distance(watch.aoi, watch.grid, tile, cap_m=cap_m)
        nearness = np.where(far_m < cap_m, np.exp2(-far_m / np.float32(options.drainage_m)), np.float32(0.0))
        boost = np.power(np.float32(options.drainage_boost), nearness, dtype=np.float32)
    boost = np.where(in_stratum, stratum_boost, boost)
    if watch.aoi.layers_of(LayerKind.WORKINGS):
        workings = registry.rasterize_workings(watch.aoi, watch.grid, tile)
        boost = np.where(workings, boost * np.float32(options.workings_boost), boost)
    most = np.maximum(np.float32(options.most), np.where(in_stratum, stratum_boost, np.float32(1.0)))
    bounded: NDArray[np.float32] = np.minimum(boost, most).astype(np.float32)
    return bounded
