"""T2 and M0 from raw multi-coil multi-echo k-space."""
