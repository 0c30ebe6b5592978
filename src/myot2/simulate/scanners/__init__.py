"""Makes of scanner: how each turns a series into DICOM objects."""
