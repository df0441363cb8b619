"""STAC search to scene table."""
