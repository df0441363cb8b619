"""A warm process whose forks run commands of kpgeo and are killed."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("warm_runs", Path(__file__).with_name("warm_runs.py"))
assert _spec is not None
assert _spec.loader is not None
_warm_runs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_warm_runs)


@pytest.fixture(scope="session")
def warm() -> Iterator[Any]:
    """Return what runs commands in forks: `.run(*words, seconds=0, step=0)`."""
    with _warm_runs.warm_runs() as runs:
        yield runs


@pytest.fixture(scope="session")
def warm_runs() -> Callable[[], AbstractContextManager[Any]]:
    """Return what starts such a process of one's own."""
    return _warm_runs.warm_runs  # type: ignore[no-any-return]
