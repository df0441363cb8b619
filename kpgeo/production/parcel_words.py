"""A parcel check in words, in three languages: what was seen, what was declared, the answer, what is not known."""

from kpgeo.model.aoi import LANGUAGES, Aoi, Language
from kpgeo.model.parcel import ParcelAnswer, ParcelCheck
from kpgeo.options.production import ProductionOptions
from kpgeo.production.numerals import Numerals
from kpgeo.production.phrases import phrases


def write_parcel(check: ParcelCheck, aoi: Aoi, options: ProductionOptions) -> dict[str, tuple[str, ...]]:
    """Return the sentences of a parcel check by language, every number of them taken from it."""
    return {language: tuple(_sentences(check, aoi, options, Numerals(language))) for language in LANGUAGES}


def _sentences(check: ParcelCheck, aoi: Aoi, options: ProductionOptions, numerals: Numerals) -> list[str]:
    parcel, activity, area = check.parcel, check.activity, check.activity.new_area
    words = {
        "parcel": parcel.id,
        "period": parcel.period.label,
        "place": _place(check, aoi, numerals.language),
        "carats": numerals.number(parcel.carats, "#,##0.##"),
        "cumulative": numerals.number(parcel.cumulative_ct, "#,##0.##"),
        "ha": numerals.ha(area.ha),
        "low": numerals.ha(area.low_ha),
        "high": numerals.ha(area.high_ha),
        "sites": str(activity.sites),
        "coverage": numerals.percent(activity.coverage_frac),
        "least": numerals.percent(options.min_coverage_frac),
        "prob": numerals.odds(check.prob_cumulative or 0.0),
        "prob_parcel": numerals.odds(check.prob_parcel or 0.0),
    }
    keys = ["parcel-declared", "parcel-seen" if area.ha > 0.0 else "parcel-unseen"]
    for key, interval in (("parcel-capacity", check.capacity), ("parcel-labour", check.labour)):
        if interval is not None and interval.high_ct > 0.0:
            keys.append(key)
            words |= {
                f"{key[7:]}_low": numerals.carats(interval.low_ct),
                f"{key[7:]}_median": numerals.carats(interval.median_ct),
                f"{key[7:]}_high": numerals.carats(interval.high_ct),
            }
    keys += [f"parcel-reason-{reason}" for reason in check.reasons] or [f"parcel-{check.answer}"]
    if check.answer is not ParcelAnswer.NOT_ASSESSABLE:
        keys += ["parcel-caveat-older", "parcel-caveat-alone"]
    return [phrases()[key][numerals.language].format(**words) for key in keys]


def _place(check: ParcelCheck, aoi: Aoi, language: Language) -> str:
    names = next((one.names for one in aoi.strata if one.id == check.parcel.stratum_id), None)
    within = (names.get(language) or names.get("en") or check.parcel.stratum_id) if names else ""
    return f"{within} ({aoi.name(language)})" if within else aoi.name(language)
