"""From echoes to T2: mono-exponential least squares, or the scanner's own map taken over."""
