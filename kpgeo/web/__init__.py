"""The analyst's page."""
