"""Pixel state (Icechunk), tables (SQL), files."""

from kpgeo.store.address import address_of, has_tables
from kpgeo.store.database import known_schemas
from kpgeo.store.files import publish_folder, refusal_as_integrity, write_atomic
from kpgeo.store.ledger import Conclusion, Ledger
from kpgeo.store.reading import StateHead
from kpgeo.store.server import holder_of, is_server, schema_of
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
    "address_of",
    "has_tables",
    "holder_of",
    "is_server",
    "known_schemas",
    "publish_folder",
    "refusal_as_integrity",
    "schema_of",
    "write_atomic",
]
