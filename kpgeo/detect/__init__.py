"""Baseline fit and belief filter of one tile."""
