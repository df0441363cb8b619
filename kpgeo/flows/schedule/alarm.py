"""What is told of an alarm, and when it is over: an item of the outbox, in every language kpgeo speaks."""

from typing import Any

from kpgeo.flows.schedule.slots import say_moment, write_moment
from kpgeo.model.aoi import LANGUAGES, Language
from kpgeo.model.calendar import day_of, dekad_of
from kpgeo.model.decision import OutboxItem
from kpgeo.model.ids import make_id
from kpgeo.model.schedule import Alarm, AlarmKind

ALARM = "alarm-"
"""How the kinds of outbox items begin that tell of alarms."""
ENDED = f"{ALARM}ended"
"""The kind of those that say that an alarm is over."""

_NEVER_DONE = "never done"
_UNDER_WAY = "under way"
_CUT_SHORT = "cut short"
_OVER = "over"
_SENTENCES: dict[str, dict[str, str]] = {
    AlarmKind.MISSING: {
        "en": "No run of {pipeline} is done since {done}: {due} were due.",
        "fr": "Aucun passage de {pipeline} n’est achevé depuis le {done} ; {due} étaient prévus.",
        "pt": "Nenhuma execução de {pipeline} foi concluída desde {done}; {due} estavam previstas.",
    },
    _NEVER_DONE: {
        "en": "No run of {pipeline} was ever done; one is due since {since}.",
        "fr": "Aucun passage de {pipeline} n’a jamais été achevé ; un est attendu depuis le {since}.",
        "pt": "Nenhuma execução de {pipeline} foi alguma vez concluída; uma está prevista desde {since}.",
    },
    AlarmKind.LATE: {
        "en": "The run of {pipeline} that was due on {since} is not done.",
        "fr": "Le passage de {pipeline} prévu le {since} n’est pas achevé.",
        "pt": "A execução de {pipeline} prevista para {since} não está concluída.",
    },
    _UNDER_WAY: {
        "en": "The run of {pipeline} that was due on {since} is not done; one is under way since {under_way}.",
        "fr": "Le passage de {pipeline} prévu le {since} n’est pas achevé ; un autre est en cours depuis {under_way}.",
        "pt": "A execução de {pipeline} prevista para {since} não está concluída; uma decorre desde {under_way}.",
    },
    AlarmKind.BLIND: {
        "en": "Nothing of {subject} was seen since {since} ({days} days). What was not seen is not quiet.",
        "fr": "Rien de {subject} n’a été vu depuis le {since} ({days} jours). Ce qui n’est pas vu n’est pas calme.",
        "pt": "Nada de {subject} foi visto desde {since} ({days} dias). O que não se vê não está calmo.",
    },
    AlarmKind.FAILED: {
        "en": "The last {runs} runs of {pipeline} failed, since {since} (exit code {code}).",
        "fr": "Les {runs} derniers passages de {pipeline} ont échoué, depuis le {since} (code de sortie {code}).",
        "pt": "As últimas {runs} execuções de {pipeline} falharam, desde {since} (código de saída {code}).",
    },
    _CUT_SHORT: {
        "en": "The last {runs} runs of {pipeline} were cut short or failed, since {since}.",
        "fr": "Les {runs} derniers passages de {pipeline} ont été interrompus ou ont échoué, depuis le {since}.",
        "pt": "As últimas {runs} execuções de {pipeline} foram interrompidas ou falharam, desde {since}.",
    },
    AlarmKind.CATALOGUE: {
        "en": "The catalogue {subject} has not answered the last {runs} runs of {pipeline}, since {since}.",
        "fr": "Le catalogue {subject} n’a pas répondu aux {runs} derniers passages de {pipeline}, depuis le {since}.",
        "pt": "O catálogo {subject} não respondeu às últimas {runs} execuções de {pipeline}, desde {since}.",
    },
    _OVER: {
        "en": "Over since {ended}: {sentence}",
        "fr": "Terminé depuis le {ended} : {sentence}",
        "pt": "Terminado desde {ended}: {sentence}",
    },
}


def say_alarm(alarm: Alarm, language: Language = "en") -> str:
    """Say in one sentence what an alarm tells, or that it is over."""
    sentence = _SENTENCES[_sentence_of(alarm)][language].format(
        **alarm.facts, pipeline=alarm.pipeline, subject=alarm.subject, since=say_moment(alarm.since)
    )
    if alarm.ended_at is None:
        return sentence
    return _SENTENCES[_OVER][language].format(ended=say_moment(alarm.ended_at), sentence=sentence)


def alarm_item(alarm: Alarm) -> OutboxItem:
    """Return what is to be delivered of an alarm that was raised, or that is over.

    Its kind is `alarm-missing`, `alarm-late`, `alarm-blind`, `alarm-failed` or `alarm-catalogue`; once it is over it is
    `alarm-ended`. Its AOI is that of one that is blind, and "" where it is of the whole pipeline.
    """
    is_over = alarm.ended_at is not None
    moment = alarm.ended_at or alarm.raised_at or alarm.since
    return OutboxItem(
        id=make_id("out", alarm.id, "ended" if is_over else "raised"),
        aoi_id=alarm.subject if alarm.kind is AlarmKind.BLIND else "",
        kind=ENDED if is_over else f"{ALARM}{alarm.kind}",
        payload=alarm_content(alarm),
        created_dekad=dekad_of(day_of(moment)),
    )


def alarm_content(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as plain JSON, with its sentence in every language."""
    return {
        "alarm": alarm.id,
        "kind": str(alarm.kind),
        "is_over": alarm.ended_at is not None,
        "pipeline": alarm.pipeline,
        "subject": alarm.subject,
        "since": write_moment(alarm.since),
        "raised_at": write_moment(alarm.raised_at),
        "ended_at": write_moment(alarm.ended_at),
        "facts": dict(alarm.facts),
        "sentences": {language: say_alarm(alarm, language) for language in LANGUAGES},
    }


def _sentence_of(alarm: Alarm) -> str:
    if alarm.kind is AlarmKind.MISSING and not alarm.facts.get("done"):
        return _NEVER_DONE
    if alarm.kind is AlarmKind.LATE and alarm.facts.get("under_way"):
        return _UNDER_WAY
    if alarm.kind is AlarmKind.FAILED and alarm.facts.get("code") == "":
        return _CUT_SHORT
    return alarm.kind
