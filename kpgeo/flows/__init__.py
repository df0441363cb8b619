"""From scenes to alerts to a brief: plan, observe, decide, compare, deliver."""

from kpgeo.flows.around import surroundings_of, surroundings_sentences
from kpgeo.flows.briefing import BriefFormat, make_brief, watch_of
from kpgeo.flows.calibrating import CalibrationReport, calibrate
from kpgeo.flows.comparing import check_parcel, compare
from kpgeo.flows.catalogued import write_catalogue
from kpgeo.flows.chain import LedgerCheck, entry_content, verify_ledger
from kpgeo.flows.deciding import Bench, Decided, decide, first_undecided
from kpgeo.flows.delivering import deliver
from kpgeo.flows.demo import DemoReport, demo, score_watch
from kpgeo.flows.doctor import Finding, examine, exit_code_of, summary_of
from kpgeo.flows.explained import ExplanationStyle, evidence_file, explanation_content, write_explanations
from kpgeo.flows.explaining import Subject, explain, parse_lon_lat
from kpgeo.flows.export import ExportKind, ExportRow, export_rows
from kpgeo.flows.figures import KnownFigures, check_figures, code_of, is_kpgeo_table, known_figures
from kpgeo.flows.gathering import rows_of
from kpgeo.flows.growth import months_of_site
from kpgeo.flows.imports import Entered, ImportRecord, enter_submission, read_imports
from kpgeo.flows.methods import MethodReport, adopt_method, list_methods, method_report
from kpgeo.flows.neighbours import describe_sites, surroundings_content
from kpgeo.flows.observing import Observation, observe
from kpgeo.flows.pages import check_ending
from kpgeo.flows.parcels import parcel_content, write_parcel_page
from kpgeo.flows.participant_pages import ParticipantPage, participant_page
from kpgeo.flows.participants import compare_participant
from kpgeo.flows.planned import Plan, plan
from kpgeo.flows.record import read_watched
from kpgeo.flows.reporting import RunReport
from kpgeo.flows.running import run_pipeline
from kpgeo.flows.sheets import ExportFormat
from kpgeo.flows.reviewing import (
    NO_LONGER_RAISED,
    QueueFilter,
    ReviewRow,
    read_reviews,
    review_content,
    review_entries,
    review_of,
    review_queue,
    take_step,
)
from kpgeo.flows.unwatched import left_out_content, left_out_of, left_out_sentences
from kpgeo.flows.watch import Progress, Watch, open_watch, open_watches

__all__ = [
    "Bench",
    "BriefFormat",
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
    "NO_LONGER_RAISED",
    "KnownFigures",
    "MethodReport",
    "Observation",
    "ParticipantPage",
    "Plan",
    "Progress",
    "RunReport",
    "Subject",
    "Watch",
    "adopt_method",
    "calibrate",
    "check_ending",
    "check_figures",
    "LedgerCheck",
    "Machine",
    "check_parcel",
    "code_of",
    "compare",
    "compare_participant",
    "decide",
    "deliver",
    "QueueFilter",
    "ReviewRow",
    "demo",
    "describe_sites",
    "enter_submission",
    "evidence_file",
    "examine",
    "exit_code_of",
    "explain",
    "explanation_content",
    "export_rows",
    "first_undecided",
    "is_kpgeo_table",
    "known_figures",
    "left_out_content",
    "left_out_of",
    "left_out_sentences",
    "list_methods",
    "make_brief",
    "method_report",
    "months_of_site",
    "observe",
    "open_watch",
    "open_watches",
    "entry_content",
    "parcel_content",
    "parse_lon_lat",
    "participant_page",
    "plan",
    "read_imports",
    "read_watched",
    "rows_of",
    "run_pipeline",
    "score_watch",
    "summary_of",
    "surroundings_content",
    "surroundings_of",
    "surroundings_sentences",
    "watch_of",
    "write_explanations",
    "write_parcel_page",
]
    "read_reviews",
    "review_content",
    "review_entries",
    "review_of",
    "review_queue",
    "surroundings_content",
    "surroundings_of",
    "surroundings_sentences",
    "take_step",
    "timer_files",
    "verify_ledger",
