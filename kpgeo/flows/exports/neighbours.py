"""What lies around the sites of an AOI, and the same as plain JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpgeo import sites
from kpgeo.flows.watching.watch import Watch
from kpgeo.model.calendar import date_of, day_of, dekad_end
from kpgeo.model.site import Site
from kpgeo.model.surroundings import Nearest, PermitShare, Surroundings

NEAREST = ("drainage", "road", "border", "settlement", "permit")


def describe_sites(
    watch: Watch, rows: Iterable[Site], neighbourhood: sites.Neighbourhood | None = None
) -> dict[str, Surroundings]:
    """Return what lies around sites of one AOI, by id, each as of the last day of its dekad."""
    around = neighbourhood or sites.Neighbourhood(watch.aoi)
    baseline_end_day = day_of(watch.pipeline.history.end)
    least_ha = watch.pipeline.sites.min_area_ha
    return {
        site.id: sites.describe_surroundings(
            site, around, dekad_end(site.dekad) - 1, baseline_end_day, least_ha=least_ha
        )
        for site in rows
    }


def surroundings_content(surroundings: Surroundings | None) -> dict[str, Any] | None:
    """Return the surroundings of a site as plain JSON; what is not known is null or `not-known`."""
    if surroundings is None:
        return None
    baseline, good = surroundings.baseline, surroundings.mined_good
    return {
        "day": date_of(surroundings.day).isoformat(),
        **{f"nearest_{name}": _nearest_content(getattr(surroundings, name)) for name in NEAREST},
        "permit_standing": str(surroundings.permit_standing),
        "permits": [_share_content(share) for share in surroundings.permits],
        "baseline": {
            "standing": str(baseline.standing),
            "before_ha": baseline.before_ha,
            "since_ha": baseline.since_ha,
            "reasons": list(baseline.reasons),
        },
        "mining_type": {"type": str(good.type), "reasons": list(good.reasons), "confidence": good.confidence},
    }


def surroundings_payload(known: Mapping[str, Surroundings]) -> dict[str, dict[str, Any]]:
    """Return surroundings as an outbox entry carries them, by site."""
    return {site_id: content for site_id, one in known.items() if (content := surroundings_content(one)) is not None}


def _nearest_content(nearest: Nearest | None) -> dict[str, Any] | None:
    if nearest is None:
        return None
    return {"distance_m": nearest.distance_m, "is_beyond": nearest.is_beyond, "name": nearest.name}


def _share_content(share: PermitShare) -> dict[str, Any]:
    permit = share.permit
    return {
        "id": permit.id,
        "holder": permit.holder,
        "commodity": str(permit.commodity) if permit.commodity else None,
        "valid_from": _iso(permit.valid_from_day),
        "valid_until": _iso(permit.valid_until_day),
        "is_valid": share.is_valid,
        "inside_frac": share.inside_frac,
        "source": permit.source.source,
        "confidence": permit.source.confidence,
        "mark": permit.source.mark,
    }


def _iso(day: int | None) -> str | None:
    return None if day is None else date_of(day).isoformat()
