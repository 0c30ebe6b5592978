"""From files to image planes: what the headers say, and the stored values."""
