"""What a run would read, and how long it would take."""
