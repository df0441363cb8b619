"""Options of the belief filter and its baseline."""

from pydantic import Field

from kpgeo.model.ids import digest
from kpgeo.options.base import StageOptions


class DetectOptions(StageOptions):
    """Options of the baseline fit and the belief filter. All of them are part of the lineage."""

    classes: str = Field(
        default="",
        max_length=1000,
        description="A class library (TOML) of one's own, as `kpgeo calibrate` writes; or none.",
    )
    classes_text: str = Field(
        default="", repr=False, description="What that file says; a pipeline file does not give it."
    )
    min_looks_per_coef: float = Field(
        default=3.0, ge=1.0, le=100.0, description="Fewer history looks per coefficient: the tile's median season."
    )
    reweights: int = Field(default=5, ge=1, le=20, description="Reweighting steps of the robust fit.")
    bisquare_c: float = Field(default=4.685, gt=1.0, le=20.0, description="Tukey's constant, in robust scales.")
    sigma_floor: float = Field(default=0.010, gt=0.0, le=0.1, description="Smallest residual scale, reflectance.")
    sigma_floor_db: float = Field(default=0.7, gt=0.0, le=5.0, description="Smallest residual scale of radar, dB.")
    landsat_sigma_factor: float = Field(
        default=1.2, ge=1.0, le=5.0, description="How much wider Landsat scatters about the common baseline."
    )
    tail_freedom: float = Field(
        default=5.0, ge=2.0, le=100.0, description="Degrees of freedom of Student's t that optical looks scatter by."
    )
    junk_frac: float = Field(
        default=0.03, gt=0.0, le=0.5, description="Share of looks that are thin cloud, haze, shadow or shifted."
    )
    max_evidence_nats: float = Field(
        default=7.0, gt=0.5, le=20.0, description="Most that one optical look may say for one state against another."
    )
    max_radar_nats: float = Field(
        default=2.0, gt=0.0, le=20.0, description="Most that one radar look may say for one state against another."
    )
    max_radar_nats_for_stable: float = Field(
        default=1.0,
        gt=0.0,
        le=20.0,
        description="Most that an unchanged radar look may say against change: not all ground that is dug changes.",
    )
    decorrelation_days: float = Field(
        default=6.0, gt=0.0, le=60.0, description="Looks of one kind closer than this share most of their evidence."
    )
    opening_per_year: float = Field(
        default=0.002, gt=0.0, le=0.5, description="Rate at which land outside every stratum is newly dug."
    )
    stratum_boost: float = Field(
        default=10.0, ge=1.0, le=1000.0, description="How many times likelier digging opens inside a stratum."
    )
    neighbour_boost: float = Field(
        default=100.0, ge=1.0, le=1000.0, description="How many times likelier digging opens beside mined ground."
    )
    neighbour_m: float = Field(default=30.0, ge=0.0, le=500.0, description="How far beside mined ground reaches.")
    clearing_per_year: float = Field(
        default=0.003, gt=0.0, le=0.5, description="Rate of lasting clearings that are not mines."
    )
    burning_per_season: float = Field(
        default=0.35, gt=0.0, le=0.99, description="Share of the land that burns in one burning season."
    )
    cropping_per_year: float = Field(default=0.015, gt=0.0, le=0.9, description="Rate of new or shifted fields.")
    flooding_per_year: float = Field(
        default=0.5, gt=0.0, le=0.9, description="Rate of floods and other short wet spells."
    )
    ground_identity: float = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        description="How far one look may tell bare ground (or water) of one kind from another.",
    )
    standing_prob: float = Field(
        default=0.9, gt=0.0, lt=1.0, description="Belief in digging of bare ground in workings known from before."
    )
    standing_green_frac: float = Field(
        default=0.6,
        gt=0.0,
        le=1.0,
        description="Such ground is bare if it stays below this share of the greenness around it in green months.",
    )
    warmup_days: int = Field(
        default=365, ge=0, le=1500, description="End of the history the filter runs over to find its first belief."
    )

    def digest(self) -> str:
        """Return 12 hex digits that follow what the class library says, not where it lies."""
        return digest(type(self).__name__, self.model_dump(mode="json", exclude={"classes"}))[:12]
