"""From the grid on which muscles were labelled to the grid of the T2 map: geometry first, then a rigid refinement."""
