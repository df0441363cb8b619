"""Declared figures, activity, capacity, comparison."""
