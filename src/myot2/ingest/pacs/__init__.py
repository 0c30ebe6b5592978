"""A participant's DICOM files from an archive: DICOMweb or DIMSE, within limits, written as a folder."""
