"""Audit: who made which file, of what, by which code; and whether the files are still those."""
