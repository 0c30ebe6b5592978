"""From a T2 map and a label map to numbers per muscle, and from scans to the table of a cohort."""
