"""Keys: private to their owner, never shown, and known by their fingerprint."""

import pickle
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from kpgeo.evidence import PublicKey, SigningKey, key_path, make_key, read_key, read_trusted, trust_key, trust_path
from kpgeo.model.errors import BadInputError, IntegrityError

_HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "verify-evidence.md"


def test_a_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    made = make_key(tmp_path / "deep" / "key.pem")
    assert (tmp_path / "deep" / "key.pem").stat().st_mode & 0o777 == 0o600
    read = read_key(tmp_path / "deep" / "key.pem")
    assert read is not None
    assert read.public == made.public
    assert read.sign(b"x") == made.sign(b"x")
    assert made.public.is_signed(read.sign(b"x"), b"x")
    assert not made.public.is_signed(read.sign(b"x"), b"y")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["key.pem"]


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    make_key(tmp_path / "key.pem")
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(BadInputError, match="There is a key already"):
        make_key(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").read_bytes() == before


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o640)
    with pytest.raises(BadInputError, match="chmod 600"):
        read_key(tmp_path / "key.pem")


def test_a_key_does_not_show_itself(key: SigningKey) -> None:
    assert "PRIVATE" not in repr(key)
    assert key.public.fingerprint in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_without_a_key_there_is_none_and_a_named_one_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_key() is None
    monkeypatch.setenv("KPGEO_SIGNING_KEY", str(tmp_path / "missing.pem"))
    assert key_path() == tmp_path / "missing.pem"
    with pytest.raises(BadInputError, match="There is no signing key"):
        read_key()


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1())
    path = tmp_path / "other.pem"
    path.touch(0o600)
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BadInputError, match="another kind"):
        read_key(path)
    with pytest.raises(BadInputError, match="another kind"):
        PublicKey(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    path.write_bytes(b"my secret words")
    with pytest.raises(BadInputError) as caught:
        read_key(path)
    assert "secret words" not in str(caught.value)


def test_signers_are_known_by_name(key: SigningKey) -> None:
    assert read_trusted() == {}
    trust_key(key.public, "Secretariat")
    trust_key(key.public, "Séguéla office")
    assert read_trusted() == {key.public.fingerprint: "Séguéla office"}
    trust_path().write_text("{}", encoding="utf-8")
    with pytest.raises(IntegrityError, match="known signers"):
        read_trusted()


@pytest.mark.skipif(
    not all(map(shutil.which, ("openssl", "sha256sum", "unzip", "bash"))), reason="needs these programs"
)
def test_the_how_to_verifies_by_hand(small_bundle: bytes, key: SigningKey, tmp_path: Path) -> None:
    text = _HOW_TO.read_text(encoding="utf-8")
    (block,) = [part.partition("```")[0] for part in text.split("```sh\n")[1:] if "openssl" in part.partition("```")[0]]
    (tmp_path / "bundle.kpe.zip").write_bytes(small_bundle)
    script = "set -euo pipefail\n" + block
    answer = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "looks.csv: OK" in answer.stdout
    assert "Signature Verified Successfully" in answer.stdout
    assert key.public.fingerprint in answer.stdout
    (tmp_path / "again").mkdir()
    changed = small_bundle.replace(b"2024-05-06,sentinel-2", b"2024-05-06,sentinel-1")
    (tmp_path / "again" / "bundle.kpe.zip").write_bytes(changed)
    answer = subprocess.run(["bash", "-c", script], cwd=tmp_path / "again", capture_output=True, text=True, check=False)
    assert answer.returncode != 0
