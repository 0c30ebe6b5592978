"""Make the thigh atlas of the simulator from label maps of real thighs.

    python scripts/fit_atlas.py --template ../shared/data/pelvis-to-knee-label-map/dseg.nii.gz \
        --maps ../shared/data/thigh-label-maps --labels config/labels.tsv \
        --atlas src/myot2/simulate/data/atlas.npz --dice results/simulate/atlas_dice.tsv

No part of the workflow: the atlas is shipped. Maps named THIGH_nnn_* or HVnnn_* are of person THIGH_nnn or HVnnn.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from myot2.core.files import atomic
from myot2.core.images import read_image
from myot2.core.labels import read_labels
from myot2.core.tables import write_tsv
from myot2.simulate import atlas_fit
from myot2.simulate.atlas_template import Template, build_template


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--template", type=Path, required=True, help="label map with all muscles and the femur")
    parser.add_argument("--maps", type=Path, required=True, help="folder of thigh label maps")
    parser.add_argument("--labels", type=Path, required=True, help="label table")
    parser.add_argument("--atlas", type=Path, required=True, help="atlas file to write (.npz)")
    parser.add_argument("--dice", type=Path, required=True, help="table of the overlap reached, to write (.tsv)")
    parser.add_argument(
        "--processes", type=int, default=2, help="fits at the same time; the result does not depend on it"
    )
    options = parser.parse_args(argv)

    table = read_labels(options.labels)
    template = build_template(read_image(options.template), table)
    paths = sorted(options.maps.glob("*.nii.gz"))
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_fit, path, template, options.labels) for path in paths]
        maps = [job.result() for job in jobs]
    arrays, modes = atlas_fit.assemble(maps, template, table)
    with atomic(options.atlas) as temporary:
        np.savez_compressed(temporary, **arrays)
    write_tsv(atlas_fit.dice_table(maps, modes, template, table), options.dice)
    return 0


def _fit(path: Path, template: Template, labels: Path) -> atlas_fit.FittedMap:
    return atlas_fit.fit_map(atlas_fit.person_of(path), read_image(path), template, read_labels(labels))


if __name__ == "__main__":
    sys.exit(main())
