"""Learning from corrections: a better model from what people accepted and corrected, judged before it counts."""
