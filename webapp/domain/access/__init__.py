"""Who can open what, and why."""
