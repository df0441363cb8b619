"""From belief to change objects to sites with a life."""
