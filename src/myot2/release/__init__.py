"""The release: tables from which no person's value can be told, made by rules that are data."""
