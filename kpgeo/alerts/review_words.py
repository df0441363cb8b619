"""What people read for states, reasons and findings of a review, in three languages."""

from types import MappingProxyType

from kpgeo.model.aoi import LANGUAGES, Language
from kpgeo.model.review import DismissalReason, FieldState, ReviewState

_R, _S, _F = DismissalReason, ReviewState, FieldState

_WORDS: MappingProxyType[str, tuple[str, str, str]] = MappingProxyType(
    {  # `duplicate` is a reason and a state, and one word
        _R.FIRE_SCAR: ("fire scar", "trace de feu", "cicatriz de queimada"),
        _R.FARMING: ("farming or ploughing", "culture ou labour", "agricultura ou lavoura"),
        _R.FLOOD: ("flood or water level", "crue ou niveau d’eau", "cheia ou nível da água"),
        _R.SANDBAR: ("sandbar", "banc de sable", "banco de areia"),
        _R.ROAD_QUARRY: (
            "road, quarry or borrow pit",
            "route, carrière ou zone d’emprunt",
            "estrada, pedreira ou caixa de empréstimo",
        ),
        _R.GOLD: ("gold, not diamond", "or, et non diamant", "ouro, e não diamante"),
        _R.SETTLEMENT: ("settlement", "habitations", "povoação"),
        _R.CLOUD_HAZE: ("cloud, shadow or haze", "nuage, ombre ou brume", "nuvem, sombra ou bruma"),
        _R.SENSOR_ARTEFACT: ("sensor artefact", "artefact du capteur", "artefacto do sensor"),
        _R.GEOLOCATION: ("geolocation shift", "décalage de géolocalisation", "desvio de geolocalização"),
        _R.OLD_CHANGE: ("old change", "changement ancien", "alteração antiga"),
        _R.DUPLICATE: ("duplicate", "doublon", "duplicado"),
        _R.OUTSIDE_AOI: ("outside the area of interest", "hors de la zone d’intérêt", "fora da área de interesse"),
        _R.OTHER: ("other, in words", "autre, en toutes lettres", "outro, por palavras"),
        _S.NEW: ("new", "nouvelle", "novo"),
        _S.TRIAGED: ("triaged", "triée", "triado"),
        _S.IN_REVIEW: ("in review", "en cours d’examen", "em revisão"),
        _S.CONFIRMED: ("confirmed", "confirmée", "confirmado"),
        _S.DISMISSED: ("dismissed", "écartée", "rejeitado"),
        _S.NEEDS_IMAGERY: ("needs better imagery", "demande de meilleures images", "precisa de melhores imagens"),
        _S.NEEDS_FIELD: ("needs a field visit", "demande une visite de terrain", "precisa de visita ao terreno"),
        _S.AUDITED: ("audited", "contrôlée", "auditado"),
        _S.PUBLISHED: ("published", "publiée", "publicado"),
        _S.WITHDRAWN: ("withdrawn", "retirée", "retirado"),
        _F.UNVISITED: ("not visited", "non visité", "não visitado"),
        _F.CONFIRMED: ("visited, digging found", "visité, creusement constaté", "visitado, escavação encontrada"),
        _F.NOT_FOUND: ("visited, no digging found", "visité, rien constaté", "visitado, nada encontrado"),
        _F.INACCESSIBLE: ("could not be reached", "inaccessible", "inacessível"),
    }
)


def review_word(code: ReviewState | DismissalReason | FieldState, language: Language = "en") -> str:
    """Return what people read for a state, a reason or a finding.

    >>> review_word(DismissalReason.FIRE_SCAR, "fr")
    'trace de feu'
    """
    return _WORDS[code][LANGUAGES.index(language)]
