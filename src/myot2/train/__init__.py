"""Training of the segmentation network on simulated people; nothing of the workflow imports this package."""
