"""What the command line says and where: results on stdout, progress on stderr, no escape codes from elsewhere."""

import json
import logging
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from kpgeo.model.errors import KpgeoError

UNEXPECTED = 1
_WIDE = 160  # columns of a table that is not read on a terminal, so that nothing is cut off in a pipe


def clean(value: object) -> str:
    r"""Return a text without control, direction-changing or other unprintable characters.

    Names come from files other people wrote; an escape sequence in one must not reach the reader's terminal.

    >>> clean("Bobi\x1b[31m\n\u202eX")
    'Bobi[31m X'
    """
    spaced = "".join(" " if char in "\t\r\n" else char for char in str(value))
    return "".join(char for char in spaced if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"})


def _stdout() -> Console:
    return Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else _WIDE)


def _stderr() -> Console:
    return Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


def say(*lines: object) -> None:
    """Write lines of result to stdout."""
    console = _stdout()
    for line in lines:
        console.print(clean(line), soft_wrap=True)


def note(line: object) -> None:
    """Write one line to stderr."""
    _stderr().print(clean(line))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Write a table to stdout, or the sentence `empty` where it has no rows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
        count += 1
    _stdout().print(table if count else clean(empty))


def show_json(content: object) -> None:
    """Write one JSON object as one line on stdout."""
    sys.stdout.write(json.dumps(content, sort_keys=True, ensure_ascii=True, default=str) + "\n")


@dataclass(frozen=True)
class StepBars:
    """Progress of a run: bars where a person watches, lines where a log does.

    Calling it with the name of a step, what is done and what there is to do in all, moves that step's bar.
    """

    bars: Progress | None
    tasks: dict[str, object]

    def __call__(self, step: str, done: int, total: int) -> None:
        """Move a step's bar to `done` of `total`."""
        if self.bars is None:
            if done >= total:
                note(f"{step}: {done} of {total}")
            return
        if step not in self.tasks:
            self.tasks[step] = self.bars.add_task(clean(step), total=total)
        self.bars.update(self.tasks[step], completed=done, total=total)  # type: ignore[arg-type]


@contextmanager
def progress() -> Iterator[StepBars]:
    """Show progress on stderr while the block runs."""
    if not sys.stderr.isatty():
        yield StepBars(None, {})
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_stderr(), transient=True) as bars:
        yield StepBars(bars, {})


def stop(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


class TopFrame(TyperGroup):
    """The top frame of every command: an error becomes one message and an exit code, never a traceback."""

    wants_json = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note whether an error, too, is to be told as JSON."""
        self.wants_json = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KpgeoError as error:
            self._report(error, error.exit_code)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if _is_usage_error(error):
                raise
            logging.getLogger("kpgeo").debug("unexpected", exc_info=error)
            self._report(error, UNEXPECTED)
            note("This is a fault in kpgeo. Run again with KPGEO_DEBUG=1 to see where it happened.")
            if os.environ.get("KPGEO_DEBUG"):
                raise
            raise typer.Exit(UNEXPECTED) from error

    def _report(self, error: Exception, code: int) -> None:
        """Say what went wrong, on stderr and, with --json, as the object on stdout."""
        text = str(error) if isinstance(error, KpgeoError) else f"{type(error).__name__}: {error}"
        note(f"kpgeo: {text}")
        if self.wants_json:
            show_json({"error": clean(text), "kind": type(error).__name__, "exit_code": code})


def _is_usage_error(error: Exception) -> bool:
    """Say whether an error is the argument parser's own, which prints itself and ends with exit code 2."""
    return hasattr(error, "exit_code") and hasattr(error, "show")
