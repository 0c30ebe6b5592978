"""The same files read by a second reader, and the comparison with what was written."""
