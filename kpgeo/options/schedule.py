"""Options of the schedule: when a run is due, and which silence is an alarm."""

from typing import Literal

from pydantic import Field

from kpgeo.options.base import StageOptions

Every = Literal["never", "day", "week", "dekad"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class ScheduleOptions(StageOptions):
    """Options of the schedule. All times are UTC."""

    every: Every = Field(
        default="never",
        description="How often a run is due: day, week, dekad (on the 1st, 11th and 21st of a month), or never.",
    )
    hour_utc: int = Field(default=4, ge=0, le=23, description="Hour of the day from which on it is due (UTC).")
    weekday: Weekday = Field(default="monday", description="Day on which it is due, where every is week.")
    catch_up: bool = Field(
        default=True,
        description="Make up for missed runs as soon as can be, with one run; else wait for the next one once grace_h "
        "are over.",
    )
    tries_per_hour: int = Field(
        default=3, ge=1, le=60, description="Times a run that fails or is killed is begun again, in any one hour."
    )
    grace_h: float = Field(
        default=6.0, gt=0.0, le=240.0, description="A run that is not done so long after it was due is late (hours)."
    )
    long_run_h: float = Field(
        default=24.0,
        gt=0.0,
        le=720.0,
        description="A run that is under way is late only once it has been for so long (hours); first runs take long.",
    )
    missing_runs: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Due runs in a row, none of which was done, that are an alarm of their own.",
    )
    failed_runs: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Runs in a row that failed, or that a catalogue did not answer, for an alarm.",
    )
    blind_days: int = Field(
        default=30, ge=1, le=366, description="Days of which nothing of an AOI was seen that are an alarm."
    )
    blind_frac: float = Field(
        default=0.01,
        ge=0.0,
        le=1.0,
        description="A dekad of which no more than this share of an AOI was seen counts as not seen (0-1).",
    )
    heartbeat_url: str = Field(
        default="",
        pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*)?$",
        description="Environment variable (as env:NAME) that holds an address to ask after each run that was done: "
        "an outside monitor hears from it, and misses it.",
    )
