"""What a person decides about each scan, and what the workflow makes of it."""
