"""Reads and checks areas of interest."""
