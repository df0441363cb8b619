"""Pixel state (Icechunk), tables (SQL), files."""
