"""When runs are due, who begins them, and which silence is an alarm."""
