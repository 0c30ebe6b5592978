"""From image planes to stacks: planes that belong together, ordered and placed in space."""
