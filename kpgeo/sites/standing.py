"""What of a site was there before monitoring began, and what may be mined at it, by where it lies."""

from collections.abc import Sequence

from kpgeo.model.aoi import Aoi, Commodity, Confidence, LayerKind
from kpgeo.model.site import Site, sum_areas
from kpgeo.model.surroundings import BaselineStanding, MinedGood, MiningType, PermitShare, WorkedBefore

_RANK: tuple[Confidence, ...] = ("low", "medium", "high")


def worked_before_of(site: Site, baseline_end_day: int, least_ha: float, *, is_known_working: bool) -> WorkedBefore:
    """Return what of a site was worked before monitoring began.

    Parameters
    ----------
    least_ha : float
        Ground counts from this area on, before and since.
    is_known_working : bool
        Whether the site lies on workings that the AOI names. They were there before, also where the ground had grown
        over by then.
    """
    since_ha = sum_areas([row.area for row in site.growth]).ha
    before_ha = max(site.area.ha - since_ha, 0.0)
    is_old = site.opened_day <= baseline_end_day
    reasons = (*(("onset",) if is_old else ()), *(("known-workings",) if is_known_working else ()))
    standing = BaselineStanding.NEW
    if reasons:
        standing = BaselineStanding.GROWN_SINCE if since_ha >= least_ha else BaselineStanding.BEFORE_BASELINE
    return WorkedBefore(standing=standing, before_ha=round(before_ha, 3), since_ha=round(since_ha, 3), reasons=reasons)


def mined_good_of(site: Site, aoi: Aoi, shares: Sequence[PermitShare], *, is_on_gold: bool) -> MinedGood:
    """Return what may be mined at a site, by the stratum, gold workings and permits it lies in.

    Permits count whatever their dates: they say what was looked for here. One for both speaks for both.
    """
    diamond = [(f"stratum:{one.id}", one.source.confidence) for one in aoi.strata if one.id == site.stratum_id]
    gold: list[tuple[str, Confidence]] = []
    if is_on_gold:
        layers = aoi.layers_of(LayerKind.GOLD_WORKINGS)
        gold.append(("gold-workings", min((layer.source.confidence for layer in layers), key=_RANK.index)))
    for share in shares:
        permit = share.permit
        if permit.commodity in (Commodity.DIAMOND, Commodity.DIAMOND_AND_GOLD):
            diamond.append((f"permit-diamond:{permit.id}", permit.source.confidence))
        if permit.commodity in (Commodity.GOLD, Commodity.DIAMOND_AND_GOLD):
            gold.append((f"permit-gold:{permit.id}", permit.source.confidence))
    reasons = tuple(reason for reason, _ in (*diamond, *gold))
    if bool(diamond) == bool(gold):
        return MinedGood(type=MiningType.UNKNOWN, reasons=reasons)
    confidence = min((given for _, given in (*diamond, *gold)), key=_RANK.index)
    return MinedGood(type=MiningType.DIAMOND if diamond else MiningType.GOLD, reasons=reasons, confidence=confidence)
