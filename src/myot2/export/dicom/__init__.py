"""Results as DICOM objects: segmentations, parametric maps, pictures and structured reports."""
