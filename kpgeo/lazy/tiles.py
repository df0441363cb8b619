"""One task a tile, a bounded number at once, and an answer for each whatever befalls it.

Dask counts a worker's death against every task that waited on that worker, and tries a task again at once, beside the
others. Here a task whose worker died is set apart, and tried again when nothing else runs: if its worker dies again, it
was the one to blame, and the others have lost nothing.
"""

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import distributed
from distributed import KilledWorker
from distributed.client import FutureCancelledError

from kpgeo.lazy.cluster import NO_WORKER_S, Client
from kpgeo.model.errors import BadInputError, UpstreamError

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_TICK_S = 5.0


@dataclass(frozen=True, kw_only=True)
class TileFailure:
    """A task that came to nothing.

    Attributes
    ----------
    error : Exception
        What it raised, or `KilledWorker` where its worker died each time.
    attempts : int
        How many times it was tried.
    """

    error: Exception
    attempts: int

    @property
    def reason(self) -> str:
        """Return one line that says why."""
        if isinstance(self.error, KilledWorker):
            return f"its worker died each of {self.attempts} times"
        lines = str(self.error).splitlines()
        return f"{type(self.error).__name__}: {lines[0] if lines else 'no reason given'}"


def map_tiles(
    client: Client,
    function: Callable[[_Task], _Result],
    tasks: Iterable[_Task],
    *,
    in_flight: int = 0,
    retries: int = 2,
    on_done: Callable[[_Task], None] | None = None,
) -> Iterator[tuple[_Task, _Result | TileFailure]]:
    """Do a function for each task on the workers, and yield each task with what came of it, in the order they finish.

    Tasks are taken from `tasks` only as others finish, results are let go of as soon as they are yielded, so memory
    depends on `in_flight` and not on how many tasks there are. What is under way when the caller stops is cancelled.

    Parameters
    ----------
    client : distributed.Client or InProcess
        What `open_cluster` yielded.
    function : callable
        Takes one task; a function of a module, so that workers can import it.
    in_flight : int
        Tasks under way at once; 0 is two a worker, of as many workers as there are at the time.
    retries : int
        Times a task whose worker died is tried again, alone.
    on_done : callable, optional
        Called with each task when it has an answer.

    Yields
    ------
    (task, result) or (task, TileFailure)
        A failure where the function raised, or where its worker died `retries + 1` times.

    Raises
    ------
    UpstreamError
        The scheduler has gone, or has had no worker for two minutes.
    """
    if in_flight < 0 or retries < 0:
        raise BadInputError("in_flight and retries cannot be negative.", where="compute")
    flight = _Flight(client, function)
    limit = in_flight or None
    try:
        for task, outcome in flight.run_retrying(tasks, limit, retries):
            if on_done is not None:
                on_done(task)
            yield task, outcome
    finally:
        flight.cancel()


class _Flight(Generic[_Task, _Result]):
    """Tasks under way. Dask's futures and Python's have the three methods used here in common."""

    def __init__(self, client: Client, function: Callable[[_Task], _Result]) -> None:
        self._client = client
        self._function = function
        self._landed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._up: dict[Any, _Task] = {}

    def run_retrying(
        self, tasks: Iterable[_Task], limit: int | None, retries: int
    ) -> Iterator[tuple[_Task, _Result | TileFailure]]:
        """Run tasks; those whose worker died are tried again at the end, one by one."""
        suspects: list[_Task] = []
        for task, outcome in self.run(tasks, limit):
            if retries and _has_died(outcome):
                suspects.append(task)
            else:
                yield task, outcome
        for task in suspects:
            yield task, self._run_alone(task, retries)

    def run(self, tasks: Iterable[_Task], limit: int | None) -> Iterator[tuple[_Task, _Result | TileFailure]]:
        """Run tasks, at most `limit` at once; None is two for each worker there is when one could begin."""
        waiting = iter(tasks)
        while True:
            room = limit or 2 * _n_workers(self._client)
            while len(self._up) < room and self._start_next(waiting):
                pass
            if not self._up:
                return
            yield self._land()

    def _run_alone(self, task: _Task, retries: int) -> _Result | TileFailure:
        attempts = 1
        while True:
            attempts += 1
            ((_, outcome),) = self.run([task], 1)
            if not isinstance(outcome, TileFailure):
                return outcome
            if attempts > retries or not _has_died(outcome):
                return TileFailure(error=outcome.error, attempts=attempts)

    def cancel(self) -> None:
        for future in self._up:
            future.cancel()
        self._up.clear()

    def _start_next(self, waiting: Iterator[_Task]) -> bool:
        for task in waiting:
            named = {"pure": False} if isinstance(self._client, distributed.Client) else {}
            submit: Any = self._client.submit
            future = submit(self._function, task, **named)
            self._up[future] = task
            future.add_done_callback(self._landed.put)
            return True
        return False

    def _land(self) -> tuple[_Task, _Result | TileFailure]:
        """Wait for one task to finish and return it with what came of it."""
        future = self._next_landed()
        task = self._up.pop(future)
        error = future.exception()
        if isinstance(error, FutureCancelledError):
            raise _gone("The scheduler has gone and taken its tasks with it.") from error
        if error is not None:
            return task, TileFailure(error=error, attempts=1)
        try:
            return task, future.result()
        except KilledWorker as late:  # the worker died with the result in its hands, and so did the one after it
            return task, TileFailure(error=late, attempts=1)
        except FutureCancelledError as late:  # the scheduler died before the result was fetched
            raise _gone("The scheduler has gone and taken its tasks with it.") from late

    def _next_landed(self) -> Any:
        alive_at = time.monotonic()
        while True:
            try:
                return self._landed.get(timeout=_TICK_S)
            except queue.Empty:
                if _has_workers(self._client):
                    alive_at = time.monotonic()
                elif time.monotonic() - alive_at > NO_WORKER_S:
                    raise _gone(f"The scheduler has had no worker for {NO_WORKER_S:.0f} s.") from None


def _has_died(outcome: object) -> bool:
    return isinstance(outcome, TileFailure) and isinstance(outcome.error, KilledWorker)


def _has_workers(client: Client) -> bool:
    if not isinstance(client, distributed.Client):
        return True
    threads: Any = client.nthreads
    try:
        return client.status == "running" and bool(threads())
    except OSError:
        return False


def _n_workers(client: Client) -> int:
    if not isinstance(client, distributed.Client):
        return client.n_workers
    threads: Any = client.nthreads
    try:
        return max(1, sum(int(count) for count in threads().values()))
    except OSError:  # the scheduler has gone: whoever waits for a task will hear of it
        return 1


def _gone(what: str) -> UpstreamError:
    return UpstreamError(what, where="compute", remedy="Run again: what was committed before is kept.")
