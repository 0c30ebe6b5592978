"""What every stage shares: images, labels, tables, files, errors, command lines, provenance."""
