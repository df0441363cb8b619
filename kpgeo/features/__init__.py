"""From a cube to clear looks."""
