"""The words of kpgeo's enumerations, in English; they are translated where they are used."""

from kpgeo.brief.words import noop
from kpgeo.model.alert import MachineState, Question
from kpgeo.model.aoi import DepositType, RegimeKind, RiskSource
from kpgeo.model.parcel import ParcelAnswer
from kpgeo.model.production import DeclaredKind, NotAssessable, Sector, Verdict
from kpgeo.model.site import SiteActivity, SiteEventKind, SiteStatus
from kpgeo.model.state import LandState

STATUS = {
    SiteStatus.ACTIVE: noop("active"),
    SiteStatus.PAUSED: noop("paused"),
    SiteStatus.CLOSED: noop("closed"),
}
SITE_ACTIVITY = {
    SiteActivity.GROWING: noop("growing"),
    SiteActivity.STEADY: noop("no growth mapped"),
    SiteActivity.PAUSED: noop("paused"),
    SiteActivity.CLOSED: noop("closed"),
    SiteActivity.MERGED: noop("merged into another"),
    SiteActivity.NOT_SEEN: noop("not seen"),
    SiteActivity.NOT_YET_KNOWN: noop("not yet known"),
}
EVENT = {
    SiteEventKind.OPENED: noop("opened"),
    SiteEventKind.GREW: noop("grew"),
    SiteEventKind.PAUSED: noop("fell quiet"),
    SiteEventKind.RESUMED: noop("resumed"),
    SiteEventKind.SPLIT: noop("split"),
    SiteEventKind.MERGED: noop("merged"),
    SiteEventKind.CLOSED: noop("closed"),
}
STATE = {
    MachineState.CANDIDATE: noop("candidate"),
    MachineState.FIRST: noop("first sign"),
    MachineState.PROVISIONAL: noop("provisional"),
    MachineState.CONFIRMED: noop("confirmed by repeated looks"),
    MachineState.ONGOING: noop("ongoing"),
    MachineState.FINISHED: noop("finished"),
    MachineState.EXPIRED: noop("expired"),
    MachineState.UNDETERMINED: noop("undetermined"),
}
LAND_STATE = {
    LandState.STABLE: noop("as its season has it"),
    LandState.BURNT: noop("burnt or flooded"),
    LandState.CROPPED: noop("cropped"),
    LandState.CLEARED: noop("cleared"),
    LandState.DUG: noop("dug"),
    LandState.POND: noop("pit pond"),
    LandState.REGROWTH: noop("regrowth"),
}
BAND = {
    "green": noop("green"),
    "red": noop("red"),
    "nir": noop("near infrared"),
    "swir22": noop("shortwave infrared"),
    "vv": "VV",
    "vh": "VH",
}
UNSEEN = {
    "cloud": noop("cloud"),
    "shadow": noop("shadow"),
    "snow": noop("snow"),
    "haze": noop("haze"),
    "defective": noop("defective"),
    "margin": noop("beside a cloud, or hazy"),
    "not_acquired": noop("not acquired"),
}
DEPOSIT = {
    DepositType.DYKE: noop("dyke"),
    DepositType.PIPE: noop("pipe"),
    DepositType.ALLUVIAL_FLAT: noop("alluvial flat"),
    DepositType.TERRACE: noop("terrace"),
    DepositType.ELUVIAL: noop("eluvial"),
    DepositType.PALEOPLACER: noop("paleoplacer"),
}
RISK = {
    RiskSource.STRATA: noop("strata"),
    RiskSource.DRAINAGE: noop("drainage"),
    RiskSource.WORKINGS: noop("known workings"),
}
REGIME = {
    RegimeKind.EMBARGO: noop("embargo"),
    RegimeKind.SUSPENSION: noop("suspension"),
    RegimeKind.COMPLIANT_ZONE: noop("compliant zone"),
}
DECLARED = {
    DeclaredKind.FIGURE: noop("declared"),
    DeclaredKind.NO_PRODUCTION: noop("no production"),
    DeclaredKind.MISSING: noop("missing"),
}
SECTOR = {
    Sector.ARTISANAL: noop("artisanal"),
    Sector.INDUSTRIAL: noop("industrial"),
}
VERDICT = {
    Verdict.CONSISTENT: noop("The declared figure is explained under these priors."),
    Verdict.DECLARED_ABOVE_CAPACITY: noop(
        "The declared figure is not explained under these priors: it lies above the capacity interval."
    ),
    Verdict.ACTIVITY_WITHOUT_DECLARATION: noop("Activity was seen and nothing was declared."),
    Verdict.DECLARED_FALLS_ACTIVITY_GROWS: noop("The declared figure falls while activity grows."),
    Verdict.DECLARED_GROWS_ACTIVITY_FALLS: noop("The declared figure grows while activity falls."),
    Verdict.NOT_ASSESSABLE: noop("The declared figure cannot be assessed."),
}
SHORT_VERDICT = {
    Verdict.CONSISTENT: noop("explained"),
    Verdict.DECLARED_ABOVE_CAPACITY: noop("not explained"),
    Verdict.ACTIVITY_WITHOUT_DECLARATION: noop("activity, nothing declared"),
    Verdict.DECLARED_FALLS_ACTIVITY_GROWS: noop("trends part"),
    Verdict.DECLARED_GROWS_ACTIVITY_FALLS: noop("trends part"),
    Verdict.NOT_ASSESSABLE: noop("not assessable"),
}
REASON = {
    NotAssessable.COVERAGE: noop("too little of the ground was seen"),
    NotAssessable.SEASON: noop("the season does not allow a comparison"),
    NotAssessable.COMMODITY: noop("what is mined there is not known"),
    NotAssessable.MISSING_SUBMISSION: noop("no submission is known"),
    NotAssessable.NO_PRIORS: noop("there are no priors of grade and gravel thickness"),
    NotAssessable.SCOPE: noop("the figure is for another territory than the area watched"),
    NotAssessable.PERIOD_OPEN: noop("the period had not ended"),
}
ANSWER = {
    ParcelAnswer.EXPLAINED: noop("explained"),
    ParcelAnswer.ABOVE_CAPACITY: noop("not explained"),
    ParcelAnswer.NO_ACTIVITY_SEEN: noop("no activity seen"),
    ParcelAnswer.NOT_ASSESSABLE: noop("not assessable"),
}
QUESTION = {
    Question.ACTIVITY_WHERE_NONE_DECLARED: noop("Is there activity where none is declared?"),
    Question.DECLARED_OUTPUT_PLAUSIBLE: noop("Is the declared output physically plausible?"),
    Question.WHICH_SITES_TO_VISIT: noop("Which sites should a mission see?"),
}
CONFIDENCE = {
    "high": noop("high confidence"),
    "medium": noop("medium confidence"),
    "low": noop("low confidence"),
}
FAMILY = {
    "uniform": noop("uniform between"),
    "loguniform": noop("log-uniform between"),
    "beta": noop("beta, shapes"),
    "lognormal": noop("log-normal, 5 % and 95 % at"),
}
FACTOR = {
    "new_area": noop("newly dug area, A (ha)"),
    "worked_frac": noop("share of the dug area where gravel was taken, f"),
    "gravel_m": noop("thickness of the gravel, T (m)"),
    "grade_ct_per_m3": noop("grade, G (ct/m³)"),
    "recovery_frac": noop("recovery, r"),
    "standing_area": noop("standing area, S (ha)"),
    "pits_per_ha": noop("pits worked at a time, n (per ha)"),
    "miners_per_pit": noop("miners per pit, m"),
    "days_per_year": noop("days of work in a year, D"),
    "m3_per_miner_day": noop("gravel a miner wins in a day, v (m³)"),
}
GAP = {
    "no-look": noop("no clear look"),
    "partial-look": noop("seen only in part"),
    "no-optical-look": noop("no clear optical look"),
    "single-sensor": noop("seen by a single sensor only"),
    "no-declared-figure": noop("no declared figure known"),
    "unreadable": noop("the scene could not be read"),
    "offset-ambiguous": noop("the offset of the scene is uncertain"),
    "offset-contradicted": noop("the offset of the scene is not what is claimed"),
    "units-ambiguous": noop("the units of the scene are uncertain"),
    "shifted": noop("the scene lies beside its ground"),
    "orbit-unknown": noop("the baseline knows no look from this orbit"),
    "left-out": noop("left out by choice"),
    "token-refused": noop("the archive refused access"),
    "keys-missing": noop("the archive's keys are not at hand"),
    "catalogue-failed": noop("a catalogue could not be searched"),
    "catalogue-empty": noop("a catalogue suddenly had nothing, and was not believed"),
    "withdrawal-doubted": noop("a catalogue no longer names many scenes, and was not believed"),
    "item-refused": noop("an item of the catalogue could not be used"),
    "tile-lost": noop("a tile could not be computed"),
}

ASK = {
    Question.ACTIVITY_WHERE_NONE_DECLARED: (
        noop("Who works here and since when, and in which production book are the stones entered?"),
        noop(
            "Fresh pit walls, washing and sieving places, diggers on the ground, and no entry in any production book."
        ),
        noop("Entries for this place in the production books; or a field, road, village, burn scar or gold working."),
    ),
    Question.DECLARED_OUTPUT_PLAUSIBLE: (
        noop(
            "Do the registers show carats from this place, and what gravel thickness and grade do the diggers report?"
        ),
        noop("Registers in line with the dug area; gravel thickness and grade within the priors of section 5."),
        noop(
            "Registers far from what the dug area can yield; gravel thickness or grade outside the priors of section 5."
        ),
    ),
    Question.WHICH_SITES_TO_VISIT: (
        noop("Is the place still worked, and for what: diamonds, gold, or both?"),
        noop("Diamond gravel washed on the spot, sieves and jigs, buyers who know the place."),
        noop("A gold working, a quarry, a field or a road; or ground that plants have covered again."),
    ),
}
CONTROLS = (
    noop("Registration of diggers and sites"),
    noop("Production book at the site"),
    noop("Purchase slips of the buyer or collector"),
    noop("Register of the buying house or exporter"),
    noop("Valuation"),
    noop("Kimberley Process certificate"),
    noop("Import confirmation"),
)
