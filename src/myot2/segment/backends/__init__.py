"""Who labels the muscles: one module per backend, each from an image to labels on the image's own grid.

Each has a function `segment(image, table, options, where)` that returns a `Labelled`; `labels` alone takes label maps
that exist and has no image.
"""
