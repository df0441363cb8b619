"""Pixel state (Icechunk), tables (SQL), files."""

from kpgeo.store.database import known_schemas
from kpgeo.store.files import publish_folder, refusal_as_integrity, write_atomic
from kpgeo.store.ledger import Conclusion, Ledger
from kpgeo.store.reading import StateHead
from kpgeo.store.state import PixelHistory, Snapshot, StateStore
from kpgeo.store.tables import Tables
from kpgeo.store.workspace import Workspace
from kpgeo.store.writer import RegionWriter, Writer

__all__ = [
    "Conclusion",
    "Ledger",
    "PixelHistory",
    "RegionWriter",
    "Snapshot",
    "StateHead",
    "StateStore",
    "Tables",
    "Workspace",
    "Writer",
    "known_schemas",
    "publish_folder",
    "refusal_as_integrity",
    "write_atomic",
]
