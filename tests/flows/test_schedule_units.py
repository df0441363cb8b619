"""What begins runs is read as it is meant: by systemd, by a cron written here, by Kubernetes' schemas, by a shell."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kpgeo import cli
from kpgeo.flows.schedule.units import Machine, TimerForm, enabling, machine_of, timer_files, write_timers
from kpgeo.model.errors import BadInputError
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.schedule import ScheduleOptions

ROOT = Path(__file__).resolve().parents[2]
DAILY = ScheduleOptions(every="day")
HARD = '/srv/Séguéla été 50% $HOME/it\'s a "plan" \\% ; a\\\\b/ünï.toml'
paths = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=40).map(lambda text: f"/{text}")


def _machine(pipeline: str = HARD, **more: Any) -> Machine:
    given = {"workspace": "/var/lib/Séguéla 1%", "program": ("/opt/my kp%geo/bin/kpgeo",), **more}
    return Machine(name="northern", schedule=DAILY, pipeline=pipeline, **given)


def _text(machine: Machine, form: TimerForm, name: str = "") -> str:
    return next(one.text for one in timer_files(machine, form) if name in one.name)


def _systemd_words(line: str) -> list[str]:
    """Read a command line as systemd.service(5) and systemd.syntax(7) say: quotes, escapes, `%%`, `$$`."""
    words, word, place, is_quoted = [], "", 0, False
    while place < len(line):
        char = line[place]
        if char == '"':
            is_quoted = not is_quoted
        elif char == "\\":
            place += 1
            assert line[place] in '\\"', "the escapes that are written"
            word += line[place]
        elif char == " " and not is_quoted:
            words.append(word)
            word = ""
        else:
            assert is_quoted or char not in "';", "outside of quotes these mean something else"
            word += char
        place += 1
    assert not is_quoted
    found = [*words, word]
    assert not re.search(r"(?<!%)%(%%)*(?!%)", " ".join(found)), "a specifier"
    plain = [one.replace("%%", "%") for one in found]
    assert not any(re.search(r"(?<!\$)\$(\$\$)*(?!\$)", one) for one in plain[1:]), "a variable"
    return [plain[0], *(one.replace("$$", "$") for one in plain[1:])]


def _exec_start(text: str) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", text, flags=re.MULTILINE)
    return _systemd_words(line)


@given(paths)
def test_systemd_is_told_the_very_words(path: str) -> None:
    machine = _machine(path, workspace=path)
    assert _exec_start(_text(machine, TimerForm.SYSTEMD, "run-northern.service")) == list(machine.run)
    assert _exec_start(_text(machine, TimerForm.SYSTEMD, "check-northern.service")) == list(machine.check)


def _verify(files: list[Path], tmp_path: Path) -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    done = subprocess.run(
        [program, "verify", "--man=no", *map(str, files)],
        env={**os.environ, "LC_ALL": "C.UTF-8", "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"{done.returncode}{done.stdout}{done.stderr}"


@pytest.mark.parametrize("user", ["", "root"])
def test_systemd_takes_the_units(user: str, tmp_path: Path) -> None:
    program = tmp_path / "a b%" / "kpgeo"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    machine = _machine(program=(str(program),), user=user)
    files = write_timers(machine, TimerForm.SYSTEMD, tmp_path / "units")
    assert len(files) == 5
    assert _verify(files, tmp_path) == "0"
    files[0].write_text(files[0].read_text(encoding="utf-8").replace("Type=oneshot", "Type=onceshot"), encoding="utf-8")
    assert "onceshot" in _verify(files, tmp_path), "the check can fail"


def test_units_of_systemd_catch_up_spread_and_say_what_failed() -> None:
    run, timer = (_text(_machine(user="kpgeo"), TimerForm.SYSTEMD, f"run-northern.{kind}") for kind in ("ser", "tim"))
    assert "Persistent=true" in timer
    assert "RandomizedDelaySec=" in timer
    assert re.search(r"^OnCalendar=\*-\*-\* \*:\d\d:00 UTC$", timer, flags=re.MULTILINE)
    assert "OnFailure=kpgeo-check-northern.service" in run
    assert "OnFailure=kpgeo-failed-northern.service" in _text(_machine(), TimerForm.SYSTEMD, "check-northern.service")
    assert 'ReadWritePaths="/var/lib/Séguéla 1%%"' in run
    assert "User=kpgeo" in run
    own = _text(_machine(), TimerForm.SYSTEMD, "run-northern.service")
    assert "User=" not in own
    assert "ProtectSystem" not in own, "a user's own manager may not mount"


def test_two_pipelines_never_share_a_unit() -> None:
    names = [
        one.name
        for name in ("north", "check-north", "run-north", "north-check", "failed-north")
        for form in TimerForm
        for one in timer_files(Machine(name=name, schedule=DAILY, pipeline="/p", workspace="/w"), form)
    ]
    assert len(set(names)) == len(names)


def _cron_jobs(text: str, *, has_user: bool) -> list[tuple[str, str]]:
    """Read a crontab as cron does: five fields, a user in /etc/cron.d, and a command up to the first bare `%`."""
    jobs = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        *fields, rest = line.split(" ", 6 if has_user else 5)
        assert re.fullmatch(r"[0-5]?[0-9]", fields[0])
        assert fields[1:5] == ["*"] * 4
        command, is_escaped = "", False
        for char in rest:
            if is_escaped:
                command = command[:-1] + char if char == "%" else command + char
                is_escaped = False
                continue
            if char == "%":
                break
            is_escaped = char == "\\"
            command += char
        jobs.append((fields[5] if has_user else "", command))
    return jobs


def _said(command: str, tmp_path: Path, code: int = 0) -> tuple[list[str], str]:
    """Run a command of cron by a shell; return the words that a stand-in for kpgeo was told, and what was mailed."""
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"CODE": str(code), "PATH": os.environ["PATH"]},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return json.loads((tmp_path / "words.json").read_text(encoding="utf-8")), done.stdout + done.stderr


@pytest.mark.parametrize("user", ["", "kpgeo"])
def test_cron_and_its_shell_are_told_the_very_words(user: str, tmp_path: Path) -> None:
    workspace = tmp_path / "Séguéla 1% it's"
    workspace.mkdir()
    program = tmp_path / "my kp%geo"
    body = "import json, os, sys\nwith open('words.json', 'w', encoding='utf-8') as to:\n    json.dump(sys.argv, to)\n"
    body += "print('much')\nprint('why', file=sys.stderr)\nsys.exit(int(os.environ['CODE']))\n"
    program.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    program.chmod(0o755)
    machine = _machine(workspace=str(workspace), program=(str(program),), user=user)
    (file,) = timer_files(machine, TimerForm.CRON)
    assert "." not in file.name, "cron passes over such files"
    jobs = _cron_jobs(file.text, has_user=bool(user))
    assert [one for one, _ in jobs] == [user, user]
    for (_, command), words in zip(jobs, (machine.run, machine.check), strict=True):
        assert _said(command, tmp_path) == (list(words), ""), "what went well is not mailed"
        assert _said(command, tmp_path, 3) == (list(words), "")
        assert _said(command, tmp_path, 5) == (list(words), "why\n")


@given(paths)
def test_no_path_ends_a_line_of_cron(path: str) -> None:
    machine = Machine(name="n", schedule=DAILY, pipeline=path, workspace=path, program=("/k",))
    for (_, command), words in zip(
        _cron_jobs(_text(machine, TimerForm.CRON), has_user=False), (machine.run, machine.check), strict=True
    ):
        said = command.split(" >/dev/null", 1)[0].removeprefix("NO_COLOR=1 PYTHONUTF8=1 ")
        assert _shell_words(said) == list(words)


def _shell_words(command: str) -> list[str]:
    import shlex  # noqa: PLC0415 - a reader of its own, not the writer under test

    return shlex.split(command)


def _documents(machine: Machine) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(_text(machine, TimerForm.KUBERNETES)))


@pytest.mark.parametrize("name", ["northern", "a" * 63, "north-", "n"])
def test_kubernetes_takes_the_jobs(name: str) -> None:
    machine = Machine(
        name=name, schedule=DAILY, pipeline="/p", workspace="/w", image="a.example/x:1%", cluster='tls://h:1/"é"'
    )
    run, check = _documents(machine)
    for document in (run, check):
        kubernetes_validate.validate(document, "1.33", strict=True)
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])", document["metadata"]["name"])
        assert document["spec"]["timeZone"] == "Etc/UTC"
        assert 0 < document["spec"]["startingDeadlineSeconds"] < 3600
    assert run["metadata"]["name"] != check["metadata"]["name"]
    assert run["spec"]["concurrencyPolicy"] == "Forbid"
    (container,) = run["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "a.example/x:1%"
    assert 'tls://h:1/"é"' in container["args"]
    assert "--if-due" in container["args"]


@pytest.mark.parametrize(("code", "told"), [(0, 0), (3, 0), (1, 1), (5, 5)])
def test_done_in_part_is_no_failure_to_kubernetes(code: int, told: int) -> None:
    (container,) = _documents(_machine())[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    words = [*container["command"], "sh", "-c", f"exit {code}"]
    assert subprocess.run(words, check=False).returncode == told


@pytest.mark.parametrize(
    ("field", "text"),
    [("pipeline", "/a\nb"), ("workspace", "/a\x1b[31m"), ("pipeline", "p.toml"), ("user", "a b"), ("user", "x\ny")],
)
def test_what_no_timer_can_be_told_is_refused(field: str, text: str) -> None:
    given = {"pipeline": "/p", "workspace": "/w", field: text}
    with pytest.raises(BadInputError):
        Machine(name="n", schedule=DAILY, **given)


def test_a_line_longer_than_cron_reads_is_refused() -> None:
    with pytest.raises(BadInputError, match="longer than cron reads"):
        timer_files(_machine("/" + "x" * 900), TimerForm.CRON)


SHIPPED = {
    TimerForm.SYSTEMD: ROOT / "pipelines" / "systemd",
    TimerForm.CRON: ROOT / "pipelines" / "cron",
    TimerForm.KUBERNETES: ROOT / "deploy" / "kubernetes",
}


@pytest.mark.parametrize("form", list(TimerForm))
def test_the_files_that_are_shipped_are_those_the_command_writes(form: TimerForm) -> None:
    file = ROOT / "pipelines" / "northern-cote-divoire.toml"
    pipeline = Pipeline.read(file)
    wished = {
        "program": "/opt/kpgeo/.venv/bin/kpgeo",
        "at": f"/etc/kpgeo/{file.name}",
        "user": "kpgeo",
        "cluster": "tcp://kpgeo-scheduler:8786" if form is TimerForm.KUBERNETES else "",
    }
    machine = machine_of(pipeline, file, Path("/var/lib/kpgeo") / pipeline.name, **wished)
    folder = SHIPPED[form]
    for one in timer_files(machine, form):
        assert (folder / one.name).read_text(encoding="utf-8") == one.text, f"write {one.name} anew"
    if form is not TimerForm.KUBERNETES:
        assert {path.name for path in folder.iterdir()} == {one.name for one in timer_files(machine, form)}


def test_the_command_shows_and_installs_and_enables_nothing(tmp_path: Path) -> None:
    file = tmp_path / "été 1%.toml"
    text = (ROOT / "pipelines" / "northern-cote-divoire.toml").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    call = CliRunner().invoke
    shown = call(cli.app, ["schedule", "show", str(file)])
    assert shown.stdout.count("04:00 UTC") == 5
    units = call(cli.app, ["schedule", "show", str(file), "--as", "systemd"])
    assert units.exit_code == 0
    assert "été 1%%.toml" in units.stdout
    assert set(tmp_path.iterdir()) == {file}
    done = call(cli.app, ["schedule", "install", str(file), "--as", "cron", "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout.splitlines()[-1])
    assert [Path(path).name for path in said["files"]] == ["kpgeo-northern-cote-divoire"]
    assert said["enable"] == enabling(machine_of(Pipeline.read(file), file, None), TimerForm.CRON, tmp_path / "o")
    again = call(cli.app, ["schedule", "install", str(file), "--as", "cron", "--out", str(tmp_path / "o"), "--json"])
    assert again.stdout == done.stdout
    assert call(cli.app, ["schedule", "install", str(file), "--as", "cron"]).exit_code == 2, "only where told"
    assert call(cli.app, ["schedule", "show", str(ROOT / "pipelines" / "demo.toml")]).exit_code == 2
