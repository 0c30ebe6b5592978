"""Printed numbers held against one another, against the data, and against our own pages."""
