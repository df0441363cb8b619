"""Alembic revisions of the tables, shipped with the package."""
