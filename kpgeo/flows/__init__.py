"""What a run does, in sentences."""
