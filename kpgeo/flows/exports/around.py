"""What lies around the sites of a workspace, by the AOI file as it is now, and in words."""

import logging
from collections import defaultdict
from collections.abc import Sequence

from kpgeo import brief
from kpgeo.flows.exports.neighbours import describe_sites
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.model.errors import BadInputError
from kpgeo.model.site import Site
from kpgeo.model.surroundings import Surroundings
from kpgeo.store import Workspace

_log = logging.getLogger(__name__)


def surroundings_of(room: Workspace, rows: Sequence[Site]) -> dict[str, Surroundings]:
    """Return what lies around sites of a workspace, by id.

    Those of an AOI whose file cannot be read any more are left out, and a warning says so: what was decided can be read
    without.
    """
    by_aoi: dict[str, list[Site]] = defaultdict(list)
    for site in rows:
        by_aoi[site.aoi_id].append(site)
    found: dict[str, Surroundings] = {}
    for aoi_id, some in by_aoi.items():
        try:
            watch, _ = watch_of(room, aoi_id)
        except BadInputError as error:
            _log.warning("the surroundings of %s are not known: %s", aoi_id, error)
            continue
        found |= describe_sites(watch, some)
    return found


def surroundings_sentences(surroundings: Surroundings | None) -> tuple[str, ...]:
    """Return what lies around a site in English sentences; one that says so where it is not known."""
    if surroundings is None:
        return ("What lies around it is not known: the file of the area cannot be read.",)
    return brief.say_surroundings(surroundings, "en")
