"""From scenes to alerts to a brief: plan, observe, decide, compare, deliver."""

from kpgeo.flows.briefing import BriefFormat, make_brief
from kpgeo.flows.declared.comparing import check_parcel, compare
from kpgeo.flows.declared.figures import (
    KnownFigures,
    check_figures,
    code_of,
    is_kpgeo_table,
    known_figures,
    questions_about,
)
from kpgeo.flows.declared.imports import Entered, ImportRecord, enter_submission, keep_findings, read_imports
from kpgeo.flows.declared.pages import check_ending
from kpgeo.flows.declared.parcels import parcel_content, write_parcel_page
from kpgeo.flows.declared.participant_pages import ParticipantPage, participant_page
from kpgeo.flows.declared.participants import compare_figures, compare_participant
from kpgeo.flows.demo import DemoReport, demo, score_watch
from kpgeo.flows.doctor import Finding, examine, exit_code_of, summary_of
from kpgeo.flows.explained.calibrating import CalibrationReport, calibrate
from kpgeo.flows.explained.explained import ExplanationStyle, evidence_file, explanation_content, write_explanations
from kpgeo.flows.explained.explaining import Subject, explain, parse_lon_lat
from kpgeo.flows.exports.around import surroundings_of, surroundings_sentences
from kpgeo.flows.exports.catalogued import write_catalogue
from kpgeo.flows.exports.export import ExportKind, ExportRow, export_rows
from kpgeo.flows.exports.gathering import rows_of
from kpgeo.flows.exports.growth import months_of_site
from kpgeo.flows.exports.neighbours import surroundings_content
from kpgeo.flows.exports.publishing import PAGE as PUBLIC_PAGE
from kpgeo.flows.exports.publishing import Publication, publish, restricted_of
from kpgeo.flows.exports.sheets import ExportFormat
from kpgeo.flows.plans.planned import Plan, plan
from kpgeo.flows.reviews.chain import LedgerCheck, entry_content, verify_ledger
from kpgeo.flows.reviews.methods import MethodReport, adopt_method, list_methods, method_report
from kpgeo.flows.reviews.reviewing import (
    NO_LONGER_RAISED,
    QueueFilter,
    ReviewRow,
    photo_digest,
    review_content,
    review_entries,
    review_of,
    review_queue,
    take_step,
)
from kpgeo.flows.reviews.scores import ReviewReport, sample_reviews, score_reviews
from kpgeo.flows.schedule.due import NotRun, ScheduleReport, check_schedule, run_if_due
from kpgeo.flows.schedule.units import (
    Machine,
    TimerForm,
    enabling,
    machine_of,
    schedule_sentences,
    timer_files,
    write_timers,
)
from kpgeo.flows.sealed.bundles import Bundle, hold_against, make_evidence
from kpgeo.flows.sealed.recompute import Recomputed, recompute
from kpgeo.flows.telling.delivering import deliver
from kpgeo.flows.telling.telling import (
    PostReport,
    Trial,
    deliver_now,
    delivery_content,
    retry_delivery,
    try_delivery,
)
from kpgeo.flows.watching.deciding import Bench, Decided, decide
from kpgeo.flows.watching.observing import Observation, observe
from kpgeo.flows.watching.record import read_watched
from kpgeo.flows.watching.remembered import watch_of
from kpgeo.flows.watching.reporting import RunReport
from kpgeo.flows.watching.running import run_pipeline
from kpgeo.flows.watching.unwatched import left_out_content, left_out_of, left_out_sentences
from kpgeo.flows.watching.watch import Progress, Watch, open_watches

__all__ = [
    "NO_LONGER_RAISED",
    "PUBLIC_PAGE",
    "Bench",
    "BriefFormat",
    "Bundle",
    "CalibrationReport",
    "Decided",
    "DemoReport",
    "Entered",
    "ExplanationStyle",
    "ExportFormat",
    "ExportKind",
    "ExportRow",
    "Finding",
    "ImportRecord",
    "KnownFigures",
    "LedgerCheck",
    "Machine",
    "MethodReport",
    "NotRun",
    "Observation",
    "ParticipantPage",
    "Plan",
    "PostReport",
    "Progress",
    "Publication",
    "QueueFilter",
    "Recomputed",
    "ReviewReport",
    "ReviewRow",
    "RunReport",
    "ScheduleReport",
    "Subject",
    "TimerForm",
    "Trial",
    "Watch",
    "adopt_method",
    "calibrate",
    "check_ending",
    "check_figures",
    "check_parcel",
    "check_schedule",
    "code_of",
    "compare",
    "compare_figures",
    "compare_participant",
    "decide",
    "deliver",
    "deliver_now",
    "delivery_content",
    "demo",
    "enabling",
    "enter_submission",
    "entry_content",
    "evidence_file",
    "examine",
    "exit_code_of",
    "explain",
    "explanation_content",
    "export_rows",
    "hold_against",
    "is_kpgeo_table",
    "keep_findings",
    "known_figures",
    "left_out_content",
    "left_out_of",
    "left_out_sentences",
    "list_methods",
    "machine_of",
    "make_brief",
    "make_evidence",
    "method_report",
    "months_of_site",
    "observe",
    "open_watches",
    "parcel_content",
    "parse_lon_lat",
    "participant_page",
    "photo_digest",
    "plan",
    "publish",
    "questions_about",
    "read_imports",
    "read_watched",
    "recompute",
    "restricted_of",
    "retry_delivery",
    "review_content",
    "review_entries",
    "review_of",
    "review_queue",
    "rows_of",
    "run_if_due",
    "run_pipeline",
    "sample_reviews",
    "schedule_sentences",
    "score_reviews",
    "score_watch",
    "summary_of",
    "surroundings_content",
    "surroundings_of",
    "surroundings_sentences",
    "take_step",
    "timer_files",
    "try_delivery",
    "verify_ledger",
    "watch_of",
    "write_catalogue",
    "write_explanations",
    "write_parcel_page",
    "write_timers",
]
