"""From the measures of all participants to the study's statistics."""
