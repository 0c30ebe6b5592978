"""MyoT2: muscle T2 values, statistics and a report from a cohort's thigh MRI."""

__version__ = "0.1.0"
