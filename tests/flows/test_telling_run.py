"""A run tells subscribers at its end: with pictures of the ground, and without failing for want of a mail server."""

import base64
import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kpgeo import flows
from kpgeo.flows.telling.office import Office, read_subscribers
from kpgeo.model.errors import BadInputError
from kpgeo.options.deliver import DeliverOptions
from kpgeo.options.pipeline import Pipeline
from kpgeo.store import Workspace
from tests.servers.programs import free_port

_SUBSCRIBERS = """
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "kpgeo@example.org"

[[subscriber]]
id = "a"
folder = "for-a"

[[subscriber]]
id = "b"
email = ["b@example.org"]
"""


def _pipeline(world: Path, folder: Path, subscribers: str, **options: Any) -> Pipeline:
    (folder / "subscribers.toml").write_text(subscribers, encoding="utf-8")
    deliver = DeliverOptions(subscribers=str(folder / "subscribers.toml"), old_news_days=400, **options)
    return Pipeline.read(world / "pipeline.toml").model_copy(update={"deliver": deliver})


@pytest.fixture
def workspace(watched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(watched, tmp_path / "workspace"))


def test_a_run_tells_its_subscribers_and_says_who_could_not_be_told(
    small_world: Path, workspace: Path, tmp_path: Path
) -> None:
    pipeline = _pipeline(small_world, tmp_path, _SUBSCRIBERS.format(port=free_port()), picture_sites=2)
    report = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert report.exit_code == 0
    assert [one.subscriber for one in report.post.sent] == ["a"]
    assert any("b, email" in line and "refused" in line for line in report.gap_sentences())
    manifest = json.loads(max(workspace.glob("runs/*/manifest.json")).read_text())
    assert manifest["post"]["failed"][0]["attempts"] == 1
    assert "b@example.org" not in json.dumps(manifest), "addresses of receivers stand in the tables alone"
    (page,) = (workspace / "products" / "for-a").glob("*.html")
    text = page.read_text(encoding="utf-8")
    pictures = list((workspace / "products" / "pictures").glob("*.jpg"))
    assert 0 < len(pictures) <= 4
    assert all(path.stat().st_size <= 15_000 for path in pictures)
    shown = [base64.b64encode(path.read_bytes()).decode() in text for path in pictures]
    assert all(shown)
    assert text.count("<img") == len(pictures)
    assert "of the land was seen" in text
    assert "Sites are announced from" in text
    again = flows.run_pipeline(pipeline, workspace=workspace, cluster="sync")
    assert (again.post.made, again.post.sent) == (0, ())


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({"top_sites": 1}, "cards"),
        ({"listed_sites": 0, "top_sites": 1}, "rows"),
        ({"page_url": "https://kpgeo.example.org"}, "links"),
        ({"picture_sites": 0}, "pictures"),
        ({"picture_kb": 4, "picture_sites": 1}, "size"),
    ],
)
def test_each_option_of_messages_changes_something(
    small_world: Path, workspace: Path, tmp_path: Path, options: dict[str, Any], differs: str
) -> None:
    base = {"picture_sites": 1}
    pages = []
    for number, given in enumerate((base, {**base, **options})):
        pipeline = _pipeline(small_world, tmp_path, '[[subscriber]]\nid = "a"\nfolder = "for-a"\n', **given)
        (trial,) = flows.try_delivery(pipeline, workspace=workspace, out=tmp_path / str(number))
        pages.append(trial.messages[0][2])
    counted = {
        "cards": [page.count("border-left:4px") for page in pages],
        "rows": [page.count("further sites") for page in pages],
        "links": [page.count("https://kpgeo.example.org/alerts/alert-") for page in pages],
        "pictures": [page.count("<img") for page in pages],
        "size": [len(page) for page in pages],
    }[differs]
    assert counted[0] != counted[1]


def test_an_area_is_unseen_below_the_share_that_is_asked_for(
    small_world: Path, workspace: Path, tmp_path: Path
) -> None:
    """No dekad that ended lately was decided, so any share above 0 says that it was not seen, and 0 never does."""
    found = []
    for frac in (0.0, 0.1):
        pipeline = _pipeline(small_world, tmp_path, '[[subscriber]]\nid = "a"\nfolder = "f"\n', unseen_frac=frac)
        found.append(_is_unseen(pipeline, workspace))
    assert found == [False, True]


def _is_unseen(pipeline: Pipeline, workspace: Path) -> bool:
    room = Workspace(workspace)
    tables = room.tables()
    subscribers = read_subscribers(pipeline)
    assert subscribers is not None
    office = Office(room=room, tables=tables, pipeline=pipeline, subscribers=subscribers, now=dt.datetime.now(dt.UTC))
    answers = [office.is_unseen(aoi) for aoi in office.watched]
    tables.close()
    return all(answers)


def test_a_file_of_subscribers_that_is_wrong_stops_a_run_before_it_begins(
    small_world: Path, workspace: Path, tmp_path: Path
) -> None:
    before = sorted(path.name for path in (workspace / "runs").iterdir())
    one = "[[subscriber]]\nid = 'a'\n"
    for text, said in ((one, "channel"), (f"{one}folder = 'f'\naois = ['x']\n", "does not watch")):
        with pytest.raises(BadInputError, match=said):
            flows.run_pipeline(_pipeline(small_world, tmp_path, text), workspace=workspace, cluster="sync")
    manifests = [path for path in (workspace / "runs").iterdir() if path.name not in before]
    assert not any((path / "log.jsonl").exists() for path in manifests)
