"""What a tree of files holds: the proposal from which a cohort starts."""
