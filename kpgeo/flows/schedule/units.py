"""What begins runs: systemd timers, a line for cron, Kubernetes CronJobs. kpgeo has no scheduler of its own.

Each asks once an hour for the run that is due (`kpgeo run --if-due`), so a run that was missed, killed or in vain is
made up for within the hour, and neither summer time nor a clock that was set moves anything: what is due is reckoned
in UTC by kpgeo alone. A second timer looks whether runs are done (`kpgeo schedule check`), and does so where the first
one stands still.
"""

import json
import re
import shlex
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from kpgeo.flows.schedule.due import upcoming
from kpgeo.flows.schedule.slots import require_schedule, say_moment
from kpgeo.model.errors import BadInputError
from kpgeo.model.ids import digest
from kpgeo.options.pipeline import Pipeline
from kpgeo.options.schedule import ScheduleOptions
from kpgeo.store import refusal_as_integrity, write_atomic

_PLAIN = re.compile(r"[A-Za-z0-9_/.,:@=+-]+")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LABEL_CHARS = 40  # Kubernetes adds to the names of CronJobs, and takes 52 characters
_CRON_CHARS = 998
_UNTOLD = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, invisible and unassigned characters, breaks
_CHECK_MINUTES = 30  # after the run


def own_program() -> tuple[str, ...]:
    """Return the command of this very kpgeo."""
    beside = Path(sys.executable).with_name("kpgeo")
    return (str(beside),) if beside.exists() else (sys.executable, "-m", "kpgeo")


class TimerForm(StrEnum):
    """What begins runs."""

    SYSTEMD = "systemd"
    CRON = "cron"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where a pipeline runs.

    Attributes
    ----------
    program : tuple of str
        The command that is kpgeo, its first word an absolute path.
    pipeline, workspace : str
        Absolute paths on that machine.
    user : str
        Whom it runs as, where the units are the machine's; "" where they are a user's own.
    image, cluster : str
        Container image (Kubernetes), and Dask scheduler; "" for the pipeline's own.
    """

    name: str
    schedule: ScheduleOptions
    pipeline: str
    workspace: str
    program: tuple[str, ...] = field(default_factory=own_program)
    user: str = ""
    image: str = "registry.example/kpgeo:0.1.0"
    cluster: str = ""

    def __post_init__(self) -> None:
        require_schedule(self.schedule)
        for word in (*self.program, self.pipeline, self.workspace, self.user, self.image, self.cluster):
            if any(unicodedata.category(char) in _UNTOLD for char in word):
                remedy = "Rename it without line breaks and control characters."
                raise BadInputError("No timer can be given such a name.", where=repr(word)[:120], remedy=remedy)
        for path in (self.program[0], self.pipeline, self.workspace):
            if not path.startswith("/"):
                raise BadInputError("A timer needs an absolute path.", where=path, remedy="Write it from / on.")
        if self.user and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", self.user):
            raise BadInputError(f"{self.user!r} is no user.", where="--user", remedy="Give the name of an account.")

    @property
    def run(self) -> tuple[str, ...]:
        """Return the command that runs the pipeline where a run is due."""
        cluster = ("--cluster", self.cluster) if self.cluster else ()
        return (*self.program, "run", self.pipeline, "--if-due", "--workspace", self.workspace, *cluster, "--json")

    @property
    def check(self) -> tuple[str, ...]:
        """Return the command that looks whether runs are done."""
        return (*self.program, "schedule", "check", self.pipeline, "--workspace", self.workspace, "--json")

    @property
    def minute(self) -> int:
        """Return the minute of the hour for runs: pipelines of one machine do not all begin at once."""
        return int(digest(self.name)[:8], 16) % _CHECK_MINUTES


@dataclass(frozen=True, kw_only=True)
class TimerFile:
    """One file to be written."""

    name: str
    text: str


def timer_files(machine: Machine, form: TimerForm) -> list[TimerFile]:
    """Return the files of a form, the same for the same machine."""
    return {TimerForm.SYSTEMD: _systemd, TimerForm.CRON: _cron, TimerForm.KUBERNETES: _kubernetes}[form](machine)


def write_timers(machine: Machine, form: TimerForm, folder: Path) -> list[Path]:
    """Write the files of a form into a folder, made where missing, and return their paths. Nothing is enabled."""
    files = timer_files(machine, form)
    with refusal_as_integrity(folder):
        for one in files:
            write_atomic(folder / one.name, one.text.encode())
    return [folder / one.name for one in files]


def enabling(machine: Machine, form: TimerForm, folder: Path) -> list[str]:
    """Return the commands that put files of a form into force, once they lie in a folder."""
    names = [str(folder / one.name) for one in timer_files(machine, form)]
    if form is TimerForm.CRON:
        if machine.user:
            return [shlex.join(["sudo", "install", "-m", "644", names[0], "/etc/cron.d/"])]
        return [f"(crontab -l 2>/dev/null; cat {shlex.quote(names[0])}) | crontab -"]
    if form is TimerForm.KUBERNETES:
        label = _label(machine.name)
        pipeline = shlex.quote(f"--from-file=pipeline.toml={machine.pipeline}")
        made = f"kubectl create configmap kpgeo-{label} {pipeline} --dry-run=client -o yaml"
        return [f"{made} | kubectl apply -f -", shlex.join(["kubectl", "apply", "-f", names[0]])]
    timers = f"kpgeo-run-{machine.name}.timer kpgeo-check-{machine.name}.timer"
    if machine.user:
        made = shlex.join(["sudo", "install", "-d", "-o", machine.user, machine.workspace])
        copied = shlex.join(["sudo", "install", "-m", "644", *names, "/etc/systemd/system/"])
        return [made, copied, "sudo systemctl daemon-reload", f"sudo systemctl enable --now {timers}"]
    copied = f"install -D -m 644 -t ~/.config/systemd/user {shlex.join(names)}"
    return [
        copied,
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {timers}",
        "loginctl enable-linger",
    ]


def schedule_sentences(options: ScheduleOptions) -> list[str]:
    """Say when runs are due next, and when silence is an alarm."""
    require_schedule(options)
    return [
        f"A run is due every {options.every}; the next:",
        *(f"  {say_moment(moment)}" for moment in upcoming(options)),
        f"Late {options.grace_h:g} hours after; missing once {options.missing_runs} in a row were not done.",
        f"Blind once nothing of an area was seen for {options.blind_days} days.",
    ]


def _systemd(machine: Machine) -> list[TimerFile]:
    name = machine.name
    check_minute = machine.minute + _CHECK_MINUTES
    return [
        TimerFile(name=f"kpgeo-run-{name}.service", text=_service(machine, "run")),
        TimerFile(name=f"kpgeo-run-{name}.timer", text=_timer(f"ask for the run of {name}", machine.minute)),
        TimerFile(name=f"kpgeo-check-{name}.service", text=_service(machine, "check")),
        TimerFile(name=f"kpgeo-check-{name}.timer", text=_timer(f"look after the runs of {name}", check_minute)),
        TimerFile(name=f"kpgeo-failed-{name}.service", text=_FAILED.format(name=name)),
    ]


_HEAD = "# Written by `kpgeo schedule install`: write it anew rather than change it."

_FAILED = f"""{_HEAD}
# The last resort: looking after the runs of this pipeline failed itself, so no alarm can be sent.
# Put whatever reaches a person here.
[Unit]
Description=kpgeo: nobody looks after the runs of {{name}}

[Service]
Type=oneshot
ExecStart=/usr/bin/systemd-cat -t kpgeo -p err echo "kpgeo-check-{{name}} failed: journalctl -u kpgeo-check-{{name}}"
"""

# Compiled code is made at run time, so memory must stay both writable and executable.
_WALLS = """PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
CapabilityBoundingSet=
"""


def _service(machine: Machine, role: str) -> str:
    """Return the unit that runs a pipeline, or that looks after its runs."""
    is_run = role == "run"
    command = machine.run if is_run else machine.check
    what = "run {name} where a run is due" if is_run else "look after the runs of {name}"
    fails_to = "check" if is_run else "failed"
    of_machine = bool(machine.user)
    network = "Wants=network-online.target\nAfter=network-online.target\n" if of_machine else ""
    walls = f"{_WALLS}ReadWritePaths={_unit_word(machine.workspace)}\n" if of_machine else ""
    limit = f"{machine.schedule.long_run_h:g}h" if is_run else "15min"
    return f"""{_HEAD}
[Unit]
Description=kpgeo: {what.format(name=machine.name)}
{network}OnFailure=kpgeo-{fails_to}-{machine.name}.service

[Service]
Type=oneshot
{f"User={machine.user}" if of_machine else "# As the user whose unit it is."}
ExecStart={_unit_command(command)}
# 3: done in part, the next run tries again what could not be read; of the check: an alarm stands, and was sent.
SuccessExitStatus=3
TimeoutStartSec={limit}
Environment=NO_COLOR=1 PYTHONUTF8=1 KPGEO_CACHE=%C/kpgeo/parts NUMBA_CACHE_DIR=%C/kpgeo/numba
Environment=MPLCONFIGDIR=%C/kpgeo/matplotlib
# Secrets (keys, KPGEO_DATABASE_URL), readable by that user alone.
EnvironmentFile=-%E/kpgeo/{machine.name}.env
CacheDirectory=kpgeo
Nice=10
UMask=0027
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
{walls}"""


def _timer(what: str, minute: int) -> str:
    return f"""{_HEAD}
[Unit]
Description=kpgeo: {what} every hour

[Timer]
OnCalendar=*-*-* *:{minute:02d}:00 UTC
Persistent=true
RandomizedDelaySec=5min
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


def _unit_command(words: Sequence[str]) -> str:
    """Return a command line for a unit. In the program's own name a `$` stands for itself."""
    return " ".join([_unit_word(words[0]), *(_unit_word(word.replace("$", "$$")) for word in words[1:])])


def _unit_word(word: str) -> str:
    """Return one word of a unit's line, so that systemd reads it as it is."""
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _cron(machine: Machine) -> list[TimerFile]:
    lines = [
        _HEAD,
        "# Mail comes where a command fails; alarms over runs that are missing or see nothing are sent by kpgeo.",
        _cron_line(machine, machine.minute, machine.run, "run"),
        _cron_line(machine, machine.minute + _CHECK_MINUTES, machine.check, "check"),
    ]
    # Without a dot in its name: cron passes over those of /etc/cron.d that have one.
    return [TimerFile(name=f"kpgeo-{machine.name}", text="\n".join(lines) + "\n")]


def _cron_line(machine: Machine, minute: int, command: Sequence[str], role: str) -> str:
    """Return a line of a crontab; of /etc/cron.d, with the user."""
    errors = _cron_word(f"{machine.workspace}/cron-{machine.name}-{role}.err")
    words = " ".join(map(_cron_word, command))
    said = f"NO_COLOR=1 PYTHONUTF8=1 {words} >/dev/null 2>{errors} || test $? -eq 3 || cat {errors}"
    if len(said) > _CRON_CHARS:
        remedy = "Use shorter paths, or systemd."
        raise BadInputError(f"The line is longer than cron reads ({_CRON_CHARS}).", where="cron", remedy=remedy)
    user = f"{machine.user} " if machine.user else ""
    return f"{minute} * * * * {user}{said}"


def _cron_word(word: str) -> str:
    """Return one word for the shell of cron, to which a `%` ends the line unless a backslash precedes it."""
    return r"\%".join(shlex.quote(part) if part else "" for part in word.split("%"))


def _label(name: str) -> str:
    """Return a pipeline's name as Kubernetes takes it."""
    if len(name) <= _LABEL_CHARS and _LABEL.fullmatch(name):
        return name
    return f"{name[: _LABEL_CHARS - 7].strip('-')}-{digest(name)[:6]}"


def _kubernetes(machine: Machine) -> list[TimerFile]:
    inside = Machine(
        name=machine.name,
        schedule=machine.schedule,
        pipeline="/etc/kpgeo/pipeline.toml",
        workspace="/workspace",
        program=("/usr/bin/env", "kpgeo"),
        cluster=machine.cluster,
    )
    run_s, check_s = int(machine.schedule.long_run_h * 3600), 900
    text = "---\n".join([
        _cron_job(machine, inside.run[2:], ("run", machine.minute, run_s)),
        _cron_job(machine, inside.check[2:], ("check", machine.minute + _CHECK_MINUTES, check_s)),
    ])  # fmt: skip
    return [TimerFile(name=f"kpgeo-{machine.name}.yaml", text=f"{_HEAD}\n{text}")]


def _cron_job(machine: Machine, words: Sequence[str], when: tuple[str, int, int]) -> str:
    """Return a CronJob. JSON's strings are YAML's."""
    role, minute, limit_s = when
    label = _label(machine.name)
    command = "\n".join(f"                - {json.dumps(word, ensure_ascii=False)}" for word in ("kpgeo", *words))
    memory = "{ memory: 8Gi }" if role == "run" else "{ memory: 2Gi }"
    return f"""apiVersion: batch/v1
kind: CronJob
metadata:
  name: kpgeo-{role}-{label}
  labels: {{ app: kpgeo }}
spec:
  schedule: "{minute} * * * *"
  timeZone: Etc/UTC
  concurrencyPolicy: {"Forbid" if role == "run" else "Replace"}
  startingDeadlineSeconds: 1800   # of later ones there is one more within the hour
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 7
  jobTemplate:
    spec:
      backoffLimit: 0             # the next one tries again
      activeDeadlineSeconds: {limit_s}
      ttlSecondsAfterFinished: 604800
      template:
        metadata:
          labels: {{ app: kpgeo }}
        spec:
          restartPolicy: Never
          securityContext: {{ runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001 }}
          containers:
            - name: {role}
              image: {json.dumps(machine.image)}
              # 3: done in part, or an alarm that was sent. Kubernetes knows only 0.
              command: [sh, -c, '"$@"; code=$?; [ "$code" -eq 3 ] && exit 0; exit "$code"', sh]
              args:
{command}
              envFrom:
                - secretRef: {{ name: kpgeo-{label}, optional: true }}
              resources:
                requests: {{ cpu: "1", memory: 2Gi }}
                limits: {memory}
              volumeMounts:
                - {{ name: workspace, mountPath: /workspace }}
                - {{ name: pipeline, mountPath: /etc/kpgeo, readOnly: true }}
                - {{ name: scratch, mountPath: /tmp }}
          volumes:
            - name: workspace
              persistentVolumeClaim: {{ claimName: kpgeo-workspace }}
            - name: pipeline
              configMap: {{ name: kpgeo-{label} }}
            - name: scratch
              emptyDir: {{ sizeLimit: 20Gi }}
"""


def machine_of(pipeline: Pipeline, file: Path, workspace: Path | None, **wished: str) -> Machine:
    """Return the machine a pipeline is to run on: this one, but for what is wished otherwise.

    Parameters
    ----------
    file : Path
        The pipeline file.
    wished : str
        `program`, `at` (where the pipeline file lies there), `user`, `image`, `cluster`; empty is as it is here.
    """
    at, program = wished.pop("at", ""), wished.pop("program", "")
    room = pipeline.path(pipeline.workspace) if workspace is None else workspace
    return Machine(
        name=pipeline.name,
        schedule=pipeline.schedule,
        pipeline=at or str(file.absolute()),
        workspace=str(room.absolute()),
        program=(program,) if program else own_program(),
        **{name: text for name, text in wished.items() if text},
    )
