"""The rules an AOI file is held to, each with a name, and the collector of what breaks them."""

from dataclasses import dataclass, field

from kpgeo.model.errors import RuleError

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 64
MAX_VERTICES = 200_000
MAX_STRATA = 200
MAX_FEATURES = 20_000
MAX_WITHIN_M = 5_000.0
MAX_FINDINGS = 200
MIN_AREA_KM2 = 0.01
MAX_AREA_KM2 = 50_000.0
MAX_EXTENT_DEG = 6.0

# name -> what to do when the rule is broken. The documentation lists the same names; a test compares the two.
REMEDIES = {
    # the file
    "file-extension": "Name an AOI by its id, or a file that ends in .geojson or .json.",
    "aoi-unknown": "See `kpgeo aoi list` for the ids, or name a file.",
    "file-unreadable": "Check that the file exists, is a plain file and may be read.",
    "file-too-large": f"Keep the file below {MAX_BYTES // 1024**2} MB; simplify the outline.",
    "file-outside-folder": "Put the file itself into the AOI folder; a link that leads out of it is not followed.",
    "file-names-collide": "Rename one of the files; their names differ only in case, accents or encoding.",
    # the text
    "not-utf8": "Save the file as UTF-8.",
    "byte-order-mark": "Save the file as UTF-8 without a byte-order mark.",
    "nesting-too-deep": f"No AOI nests deeper than {MAX_DEPTH} levels; write the file again.",
    "not-json": "Write valid JSON (RFC 8259).",
    "number-not-finite": "Write a plain decimal number.",
    "key-repeated": "Keep one of the two; readers disagree about which one counts.",
    # the fields
    "not-an-aoi": 'Write a FeatureCollection with "kpgeo_aoi": 1 and a list of features.',
    "field-missing": "Add the field.",
    "field-type": "Give a value of the type the field asks for.",
    "field-unknown": "Remove it, or correct its spelling.",
    "list-too-long": "Shorten the list.",
    "role-unknown": 'Use "boundary" for the first feature, "stratum" or the kind of a layer for the others.',
    "boundary-missing": 'Make the first feature the one with role "boundary".',
    "boundary-repeated": 'Keep one feature with role "boundary"; several parts make one MultiPolygon.',
    "id-syntax": "Use lower-case letters a–z, digits and single hyphens, at most 64 characters.",
    "id-reserved": "Choose another id; this one names a device on some systems.",
    "id-not-file-name": "Name the file <id>.geojson.",
    "id-claimed-twice": "Give one of the two files another id.",
    "stratum-id-repeated": "Give each stratum its own id.",
    "strata-too-many": f"Join strata of one deposit type; at most {MAX_STRATA} fit.",
    "features-too-many": f"Join features; at most {MAX_FEATURES:,} fit.",
    "layer-path": "Name a GeoJSON file in the AOI file's folder or below it, with / between folders and without '..'.",
    "layer-radius": "Give a radius above 0 and of at most 2,000 m.",
    "permit-dates": "Give ISO dates, the end after the start, or null for an open end.",
    "permit-repeated": "Give each permit its own id, or periods that do not overlap.",
    "commodity-unknown": "Use diamond, gold, diamond-and-gold or other, or leave it out.",
    "risk-rule": f"Give within_m (0 to {MAX_WITHIN_M:,.0f}) and what it is of, which the file must hold.",
    "text-characters": "Remove control, direction and invisible characters, and line breaks.",
    "text-not-nfc": "Write the text in Unicode normal form C.",
    "text-length": "Shorten the text.",
    "country-code": "Give the ISO 3166 alpha-3 code in capitals.",
    "country-name": "Write the country as kpgeo writes it, so that figures and places meet.",
    "participant-name": "Write the participant as kpgeo writes it, so that declared figures are found.",
    "confidence-unknown": "Use high, medium or low.",
    "sensitivity-unknown": "Use kp-only or public.",
    "deposit-type-unknown": "Use dyke, pipe, alluvial-flat, terrace, eluvial or paleoplacer.",
    "prior-family": "Use uniform, loguniform, beta or lognormal.",
    "prior-bounds": "Give bounds the factor and the family allow.",
    "correlation-factor": "Name two of worked_frac, gravel_m, grade_ct_per_m3 and recovery_frac.",
    "correlation-bounds": "Name two different factors, and a number between -1 and 1.",
    "season-months": "List months as whole numbers from 1 to 12, each once.",
    "regime-kind": "Use embargo, suspension or compliant-zone.",
    "regime-dates": "Give ISO dates, the end after the start, or null for an open end.",
    "regime-strata": "Name strata of this file, for a compliant zone only.",
    "epsg-zone": "Use the WGS 84 UTM zone of the AOI's centre, or the zone beside it.",
    # the geometry
    "crs-member": "Reproject to longitude and latitude on WGS 84 and remove the member (RFC 7946).",
    "geometry-empty": "Draw the outline.",
    "geometry-not-polygon": "Use a Polygon or a MultiPolygon.",
    "geometry-mixed": "Use one Polygon or MultiPolygon instead of a GeometryCollection.",
    "coordinates-malformed": "Nest the positions as RFC 7946 asks for this type of geometry.",
    "position-not-2d": "Keep longitude and latitude only.",
    "vertices-too-many": f"Simplify the outlines to at most {MAX_VERTICES:,} positions in all.",
    "coordinates-in-metres": "Reproject to longitude and latitude on WGS 84.",
    "coordinates-out-of-range": "Give longitudes from -180 to 180 and latitudes from -90 to 90.",
    "axes-swapped": "Write longitude first, then latitude.",
    "crosses-antimeridian": "kpgeo keeps an AOI in one UTM zone; split it into an AOI on either side.",
    "near-pole": "UTM ends at 84 degrees north and 80 degrees south.",
    "ring-unclosed": "Repeat the first position at the end of the ring.",
    "ring-too-short": "A ring has at least three different positions and the first one again.",
    "ring-reversed": "Wind outer rings counter-clockwise and holes clockwise (RFC 7946).",
    "vertex-repeated": "Remove the repeated position.",
    "ring-self-intersects": "Redraw the ring so that it neither crosses nor touches itself.",
    "hole-outside": "Remove the hole, or move it inside its outer ring.",
    "parts-overlap": "Redraw so that parts and holes do not overlap or nest.",
    "area-out-of-range": f"Draw an outline of {MIN_AREA_KM2} to {MAX_AREA_KM2:,.0f} km².",
    "extent-too-wide": f"Split the AOI; its parts lie more than {MAX_EXTENT_DEG:g} degrees apart.",
    "not-in-country": "Check coordinates, order of axes and country code.",
    "feature-repeated": "Remove one of the two; the second would never be used.",
    "layer-geometry": "Draw lines, polygons or points, as the kind of the layer asks for.",
    "layer-elsewhere": "Check coordinates and order of axes, or remove the layer.",
    "line-too-short": "A line has at least two different positions.",
    "stratum-outside-boundary": "Move the stratum into the boundary, or remove it.",
}


def clean(text: str, longest: int = 80) -> str:
    """Return a stranger's text in plain printable ASCII, cut short, fit for a message or a log line."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    plain = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in plain)
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."


@dataclass
class Findings:
    """What is wrong with one file, in the order it was found, and what was repaired with consent.

    A rule is listed once for each place, and once for each geometry however many positions break it; after
    `MAX_FINDINGS` no more are kept.

    Attributes
    ----------
    file : str
        Named in front of every place.
    consent : bool
        Whether what can be repaired without guessing is repaired and recorded instead of refused.
    """

    file: str
    consent: bool = False
    errors: list[RuleError] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def add(self, rule: str, what: str, where: str = "") -> None:
        """Record a broken rule at a place inside the file."""
        if self._is_new(rule, where):
            place = f"{clean(self.file, 200)}: {where}" if where else clean(self.file, 200)
            self.errors.append(RuleError(what, rule=rule, where=place, remedy=REMEDIES[rule]))

    def refuse_or_repair(self, rule: str, what: str, where: str = "") -> None:
        """Record a broken rule as repaired where there is consent, else as broken."""
        if not self.consent:
            self.add(rule, what, where)
        elif self._is_new(rule, where):
            self.repairs.append(f"{rule} at {where or 'file'}: {what}")

    def _is_new(self, rule: str, where: str) -> bool:
        key = rule, where.partition(".coordinates")[0]
        if key in self._seen or len(self._seen) >= MAX_FINDINGS:
            return False
        self._seen.add(key)
        return True

    def has(self, *rules: str) -> bool:
        """Say whether any of these rules is broken."""
        return any(error.rule in rules for error in self.errors)
