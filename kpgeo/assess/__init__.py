"""Accuracy: what was found against what is true."""
