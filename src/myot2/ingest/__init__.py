"""DICOM in, images and technical facts out: which series is what, its geometry, its values; nobody's identity."""
