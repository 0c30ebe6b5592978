"""Digital cohort: whole cases with known truth, made from real anatomy and physics of its own."""
