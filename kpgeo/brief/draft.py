"""What every section of a brief works with: the inputs, the words, the options, and the reading of the inputs."""

from dataclasses import dataclass, replace

from kpgeo.brief.inputs import BriefInputs
from kpgeo.brief.reading import MonthSeen, SiteReading, months_seen, rank_sites
from kpgeo.brief.sourced import source_in_words, stratum_in_words
from kpgeo.brief.vocabulary import RISK
from kpgeo.brief.words import Words
from kpgeo.model.aoi import Language, LayerKind, Sourced
from kpgeo.model.calendar import Period
from kpgeo.model.site import Area
from kpgeo.options.brief import BriefOptions


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One brief being written."""

    inputs: BriefInputs
    words: Words
    options: BriefOptions
    sites: tuple[SiteReading, ...]
    months: tuple[MonthSeen, ...]

    @classmethod
    def begin(cls, inputs: BriefInputs, language: Language, options: BriefOptions) -> "Draft":
        """Read the inputs for a brief in a language; figures too old, or of later periods, are left out."""

        def is_shown(period: Period) -> bool:
            return period.start_day < inputs.end_day < period.end_day + round(365.25 * options.years_of_figures)

        inputs = replace(
            inputs,
            declared=[figure for figure in inputs.declared if is_shown(figure.period)],
            totals=[figure for figure in inputs.totals if is_shown(figure.period)],
            findings=[one for one in inputs.findings if is_shown(Period.parse(one.periods[-1]))],
            comparisons=[comparison for comparison in inputs.comparisons if is_shown(comparison.period)],
        )
        return cls(
            inputs=inputs,
            words=Words(language),
            options=options,
            sites=rank_sites(inputs),
            months=months_seen(inputs.coverage, inputs.start_day, inputs.end_day),
        )

    @property
    def aoi_name(self) -> str:
        """Return the AOI's name in the brief's language."""
        return self.words.name(self.inputs.aoi.name(self.words.language))

    @property
    def participant(self) -> str:
        """Return the participant, in the brief's language where it is a country known by that name."""
        aoi = self.inputs.aoi
        is_country = aoi.participant == aoi.country
        return self.words.country(aoi.iso3, aoi.country) if is_country else self.words.name(aoi.participant)

    def stratum_name(self, stratum_id: str) -> str:
        """Name a stratum; "" is the land outside every stratum."""
        if not stratum_id:
            return self.words.say("outside every stratum")
        if stratum_id == "*":
            return self.words.say("whole area")
        found = [stratum for stratum in self.inputs.aoi.strata if stratum.id == stratum_id]
        return stratum_in_words(found[0], self.words) if found else self.words.name(stratum_id)

    def source(self, sourced: Sourced) -> str:
        """Write where a fact comes from, with its mark and confidence."""
        return source_in_words(sourced, self.words)

    def left_out(self) -> str:
        """Say what of the area is not watched, by choice; "" where it is watched whole."""
        words, aoi, left_out = self.words, self.inputs.aoi, self.inputs.left_out
        if left_out is None:
            return ""
        kept = [words.say("the ground at risk as drawn")] if aoi.layers_of(LayerKind.RISK_AREA) else []
        if aoi.risk is not None:
            sources = words.listed([words.say(RISK[source]) for source in aoi.risk.of])
            distance = words.number(aoi.risk.within_m)
            kept.append(words.say("the ground within {distance} m of {sources}", distance=distance, sources=sources))
        return words.say(
            "Left out by choice: {area} ({share} of the area) is not watched, and nothing is said of it. Watched is "
            "only {kept}.",
            area=words.area(left_out.area_ha),
            share=words.percent(left_out.share_frac),
            kept=words.listed(kept),
        )

    def area(self, area: Area) -> str:
        """Write an area with its interval, as tables do."""
        return self.words.span(area)

    def area_in_words(self, area: Area) -> str:
        """Write an area with its interval, as sentences do."""
        return self.words.span_in_words(area)

    def numbers_of(self, readings: list[SiteReading]) -> str:
        """List the numbers of sites, three and more in a row as a range."""
        runs: list[list[int]] = []
        for number in sorted(reading.number for reading in readings):
            if runs and number == runs[-1][-1] + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        parts = [[f"{run[0]}–{run[-1]}"] if len(run) > 2 else [str(number) for number in run] for run in runs]
        return ", ".join(part for run in parts for part in run)

    def sites_named(self, readings: list[SiteReading]) -> str:
        """Name sites: `site 3`, `sites 1, 4`."""
        numbers = self.numbers_of(readings)
        return self.words.say_many("site {numbers}", "sites {numbers}", len(readings), numbers=numbers)
