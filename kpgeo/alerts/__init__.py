"""From sites to alerts, and their life."""
