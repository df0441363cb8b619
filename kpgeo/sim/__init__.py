"""Simulated worlds with known answers, written as real COGs with real STAC items."""
