"""A sealed bundle: whatever is changed in it is named."""

import io
import random
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpgeo.evidence import Sealed, SigningKey, compose_bundle, read_bundle, require_alert, verify_bundle
from kpgeo.evidence.container import compose_container, segments_of
from kpgeo.model.errors import BadInputError, IntegrityError


def _flipped(raw: bytes, place: int, bit: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]


def _entries(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as unpacked:
        return {name: unpacked.read(name) for name in unpacked.namelist()}


def _places(raw: bytes) -> list[tuple[str, int]]:
    """Return, byte by byte, the entry whose content it is ("" for the container) and its place in it."""
    places: list[tuple[str, int]] = []
    for segment in segments_of(sorted(_entries(raw).items())):
        is_content = segment.part == "content"
        base = 0 if is_content else len(places)
        places += [(segment.entry if is_content else "", base + number) for number in range(len(segment.content))]
    return places


def test_any_zip_program_opens_it(small_bundle: bytes, small_files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(small_bundle)) as unpacked:
        assert unpacked.testzip() is None
        assert small_files.items() <= _entries(small_bundle).items()
        assert unpacked.namelist() == sorted(unpacked.namelist())


def test_the_same_files_give_the_same_bytes(small_files: dict[str, bytes], key: SigningKey) -> None:
    shuffled = dict(reversed(small_files.items()))
    assert compose_bundle(small_files, {"a": 1}, key) == compose_bundle(shuffled, {"a": 1}, key)


def test_an_untouched_bundle_is_intact(small_bundle: bytes, key: SigningKey) -> None:
    unknown = verify_bundle(small_bundle)
    assert unknown.is_intact
    assert unknown.sealed is Sealed.UNKNOWN
    assert unknown.fingerprint == key.public.fingerprint
    known = verify_bundle(small_bundle, {key.public.fingerprint: "Secretariat"})
    assert (known.sealed, known.signer) == (Sealed.KNOWN, "Secretariat")


def test_one_without_a_signature_says_so(small_files: dict[str, bytes]) -> None:
    checked = verify_bundle(compose_bundle(small_files, {}, None))
    assert checked.is_intact
    assert (checked.sealed, checked.fingerprint) == (Sealed.UNSIGNED, "")


@pytest.mark.fault(46)
@pytest.mark.parametrize("is_signed", [True, False])
def test_one_bit_flipped_in_any_byte_is_named(
    small_files: dict[str, bytes], key: SigningKey, *, is_signed: bool
) -> None:
    raw = compose_bundle(small_files, {"alert": "alert-0123456789ab"}, key if is_signed else None)
    places = _places(raw)
    assert len(places) == len(raw)
    draw = random.Random(46)
    for place, (entry, within) in enumerate(places):
        if not is_signed and entry and place % 5:
            continue  # contents are read alike, signed or not
        checked = verify_bundle(_flipped(raw, place, draw.randrange(8)))
        assert not checked.is_intact, f"byte {place}"
        assert checked.sealed is Sealed.BROKEN
        named = [(one.entry, one.first_byte) for one in checked.alterations]
        assert (entry or "the container", within) in named, f"byte {place}: {checked.alterations}"


def test_a_flipped_bit_of_a_text_is_named_with_its_line(small_bundle: bytes) -> None:
    place = small_bundle.index(b"2024-05-06,sentinel-2")
    with pytest.raises(IntegrityError) as caught:
        read_bundle(_flipped(small_bundle, place, 0), "bundle.kpe.zip")
    assert caught.value.exit_code == 5
    assert caught.value.where.startswith("bundle.kpe.zip: looks.csv, line 3, byte ")


def _resealed(raw: bytes, **changed: bytes | None) -> bytes:
    """Put other files into a container that is whole again, as somebody with a ZIP program would."""
    files = {name: content for name, content in {**_entries(raw), **changed}.items() if content is not None}
    return compose_container(files)


@pytest.mark.fault(46)
@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (b"2024-05-06", b"2024-06-06", (3,)),
        (b"2024-05-06,sentinel-2\n", b"", (3,)),
        (b"2024-05-01", b"2024-04-30,sentinel-2\n2024-05-01", (2,)),
        (b"sentinel-1", b"sentinel-2", (4,)),
    ],
)
def test_an_edited_line_is_named(small_bundle: bytes, old: bytes, new: bytes, lines: tuple[int, ...]) -> None:
    edited = _entries(small_bundle)["looks.csv"].replace(old, new)
    (found,) = verify_bundle(_resealed(small_bundle, **{"looks.csv": edited})).alterations
    assert (found.entry, found.lines) == ("looks.csv", lines)


@pytest.mark.fault(46)
def test_a_swapped_chip_is_named(small_bundle: bytes, small_files: dict[str, bytes], key: SigningKey) -> None:
    other = compose_bundle({**small_files, "chips/after.png": b"\x89" + bytes(9000)}, {}, key)
    swapped = _resealed(small_bundle, **{"chips/after.png": _entries(other)["chips/after.png"]})
    (found,) = verify_bundle(swapped).alterations
    assert found.entry == "chips/after.png"
    assert found.first_byte == 0


def test_a_changed_block_is_named(small_files: dict[str, bytes], key: SigningKey) -> None:
    picture = bytes(20_000)
    raw = compose_bundle({**small_files, "chips/after.png": picture}, {}, key)
    changed = picture[:9000] + b"\xff" * 3 + picture[9003:]
    (found,) = verify_bundle(_resealed(raw, **{"chips/after.png": changed})).alterations
    assert (found.first_byte, found.end_byte) == (8192, 12_288)


def test_missing_added_and_renamed_files_are_named(small_bundle: bytes) -> None:
    (missing,) = verify_bundle(_resealed(small_bundle, **{"alert.json": None})).alterations
    assert (missing.entry, missing.what) == ("alert.json", "The file is missing.")
    (added,) = verify_bundle(_resealed(small_bundle, **{"note.txt": b"x"})).alterations
    assert added.entry == "note.txt"
    moved = {"alert.json": None, "alarm.json": _entries(small_bundle)["alert.json"]}
    renamed = verify_bundle(_resealed(small_bundle, **moved)).alterations
    assert {one.entry for one in renamed} == {"alert.json", "alarm.json"}


def test_a_manifest_put_in_by_another_does_not_pass(small_bundle: bytes, small_files: dict[str, bytes]) -> None:
    forged = compose_bundle({**small_files, "alert.json": b"{}\n"}, {}, None)
    names = ("manifest.dsse.json", "alert.json", "SHA256SUMS")
    mixed = _resealed(small_bundle, **{name: _entries(forged)[name] for name in names})
    assert not verify_bundle(mixed).is_intact
    entries = _entries(small_bundle)
    envelope = entries["manifest.dsse.json"]
    other_sig = envelope.replace(b'"sig":"', b'"sig":"AAAA', 1)
    (found,) = verify_bundle(_resealed(small_bundle, **{"manifest.dsse.json": other_sig})).alterations
    assert found.entry == "manifest.dsse.json"


def _zip_with(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as packed:
        for name, content in entries:
            packed.writestr(name, content)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(small_bundle: bytes) -> None:
    doubled = [*_entries(small_bundle).items(), ("alert.json", b"{}\n")]
    found = verify_bundle(_zip_with(doubled)).alterations
    assert any("twice" in one.what for one in found)


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "C:\\x", "a/../b", "a\x00b", ".hidden", "é.txt"])
def test_names_that_lead_elsewhere_are_refused(small_bundle: bytes, name: str) -> None:
    with pytest.raises(BadInputError):
        compose_container({name: b""})
    raw = b"".join(part.content for part in segments_of([*_entries(small_bundle).items(), (name, b"x")]))
    found = verify_bundle(raw).alterations
    assert any(one.entry == "the container" and "no bundle's file" in one.what for one in found)


def test_a_zip_bomb_is_not_unpacked(small_bundle: bytes) -> None:
    bomb = [*_entries(small_bundle).items(), ("bomb.txt", bytes(50_000_000))]
    raw = _zip_with(bomb, zipfile.ZIP_DEFLATED)
    assert len(raw) < 200_000
    assert not verify_bundle(raw).is_intact


@pytest.mark.parametrize("raw", [b"", b"PK", b"x" * 100, b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + b"\xff" * 60])
def test_what_is_no_bundle_is_refused(raw: bytes) -> None:
    (found,) = verify_bundle(raw).alterations
    assert found.entry == "the container"


def test_bytes_before_after_and_cut_off_are_named(small_bundle: bytes) -> None:
    (after,) = verify_bundle(small_bundle + b"\n").alterations
    assert (after.first_byte, after.end_byte) == (len(small_bundle), len(small_bundle) + 1)
    assert not verify_bundle(b"\n" + small_bundle).is_intact
    for length in range(0, len(small_bundle), 97):
        assert not verify_bundle(small_bundle[:length]).is_intact


_MUTATIONS = st.tuples(st.integers(0, 2**20), st.integers(0, 40), st.binary(max_size=40))


@settings(max_examples=300, deadline=None)
@given(mutations=st.lists(_MUTATIONS, min_size=1, max_size=4))
def test_no_mutation_passes(small_bundle: bytes, mutations: list[tuple[int, int, bytes]]) -> None:
    raw = small_bundle
    for place, length, put in mutations:
        begin = place % (len(raw) + 1)
        raw = raw[:begin] + put + raw[begin + length :]
    checked = verify_bundle(raw)
    assert checked.is_intact == (raw == small_bundle)
    assert all(one.where and one.what for one in checked.alterations)


def test_a_sealed_bundle_of_something_else_is_no_bundle_of_an_alert(small_bundle: bytes) -> None:
    with pytest.raises(BadInputError, match="no bundle of an alert"):
        require_alert(verify_bundle(small_bundle))


def test_verifying_needs_no_network_and_no_tables() -> None:
    script = (
        "import sys, kpgeo.evidence;"
        "heavy = {'sqlalchemy', 'rasterio', 'requests', 'icechunk', 'xarray', 'numba', 'dask', 'kpgeo.store'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
