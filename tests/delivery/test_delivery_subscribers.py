"""The file of subscribers: what it refuses, and that it holds no secret."""

from pathlib import Path

import pytest

from kpgeo.model.errors import BadInputError
from kpgeo.options.subscribers import Subscribers

_MAIL = '[mail]\nhost = "h"\nsender = "k@example.org"\n'
_ONE = '[[subscriber]]\nid = "a"\n'


def _read(folder: Path, text: str) -> Subscribers:
    path = folder / "subscribers.toml"
    path.write_text(text, encoding="utf-8")
    return Subscribers.read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_ONE, "needs a channel"),
        (_ONE + 'email = ["a@b.c"]', r"\[mail\]"),
        (_MAIL + _ONE + 'email = ["a@b.c, d@e.f"]', "one plain e-mail address"),
        (_MAIL + _ONE + 'email = ["a@b.c\\nBcc: x@y.z"]', "one plain e-mail address"),
        (_MAIL + _ONE + 'email = ["a@b.c", "a@b.c"]', "named twice"),
        (_ONE + 'folder = "../x"', "pattern"),
        (_ONE + 'folder = "x"\nlanguage = "de"', "language"),
        (_ONE + 'folder = "x"\naudience = "public"', "audience"),
        (_ONE + 'folder = "x"\ntime_zone = "Mars/Olympus"', "time zone"),
        (_ONE + 'folder = "x"\ntime_zone = "../../etc/passwd"', "time zone"),
        (_ONE + 'folder = "x"\nhour = 24', "hour"),
        (_ONE + 'folder = "x"\nstates = ["finished"]', "states"),
        (_ONE + 'folder = "x"\nquiet = { start = "7", end = "8" }', "quiet"),
        (_ONE + 'folder = "x"\nfrequence = "daily"', "frequence"),
        (_ONE + 'folder = "x"\n' + _ONE + 'folder = "y"', "one id"),
        (_ONE + 'folder = "x"\n' + _ONE.replace('"a"', '"b"') + 'folder = "x"', "share a feed or a folder"),
        (_ONE + '[[subscriber.webhook]]\nurl = "ftp://h/x"\nsecrets = [{ env = "A" }]', "url"),
        (_ONE + '[[subscriber.webhook]]\nurl = "https://me:pw@h/x"\nsecrets = [{ env = "A" }]', "url"),
        (_ONE + '[[subscriber.webhook]]\nurl = "https://h/x"\nsecrets = []', "secrets"),
        (_ONE + '[[subscriber.webhook]]\nurl = "https://h/x"\nsecrets = [{ env = "A", file = "b" }]', "one of them"),
        (_ONE + '[[subscriber.webhook]]\nurl = "https://h/x"\nsecret = "whsec_x"', "webhook"),
        (_MAIL + 'security = "none"\nuser = { env = "U" }\npassword = { env = "P" }', "only sent over"),
        (_MAIL + 'password = "hunter2"', "password"),
        (_MAIL + 'user = { env = "U" }', "go together"),
        ("a = [", "not TOML"),
        ('folder = "x"', "folder"),
    ],
)  # fmt: skip
def test_a_file_that_breaks_a_rule_is_refused_by_the_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as caught:
        _read(tmp_path, text)
    assert "hunter2" not in str(caught.value)
    assert "whsec_x" not in str(caught.value)


def test_a_secret_comes_from_the_environment_or_a_file_and_is_never_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _MAIL + 'user = { env = "KP_U" }\npassword = { file = "secret.txt" }\n'
    mail = _read(tmp_path, text).mail
    assert mail is not None
    assert mail.user is not None
    assert mail.password is not None
    with pytest.raises(BadInputError, match="KP_U"):
        mail.user.read(tmp_path)
    monkeypatch.setenv("KP_U", " kpgeo \n")
    (tmp_path / "secret.txt").write_text("canary-hunter2\n")
    assert mail.user.read(tmp_path) == "kpgeo"
    assert mail.password.read(tmp_path) == "canary-hunter2"
    assert "canary" not in repr(mail)
    (tmp_path / "secret.txt").write_text(" \n")
    with pytest.raises(BadInputError, match="empty"):
        mail.password.read(tmp_path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        Subscribers.read(tmp_path / "none.toml")


def test_the_shipped_example_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    example = Path(__file__).resolve().parents[2] / "pipelines" / "delivery" / "subscribers.example.toml"
    read = Subscribers.read(example)
    assert {channel.partition(":")[0] for one in read.subscriber for channel in one.channels} == {
        "email", "webhook", "atom", "folder",
    }  # fmt: skip
    assert {one.language for one in read.subscriber} == {"en", "fr", "pt"}
