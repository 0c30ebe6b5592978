"""BIDS on both sides of ingest: the dataset that it makes, and datasets that are given instead of DICOM."""
