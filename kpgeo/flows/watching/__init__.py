"""What is watched, observed and decided, dekad by dekad."""
