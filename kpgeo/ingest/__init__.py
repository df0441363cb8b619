"""Scenes onto a grid: the cube."""
