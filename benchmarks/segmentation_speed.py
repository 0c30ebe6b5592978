"""What labelling one case costs: CPU seconds, wall seconds and peak memory, beside peers' networks on the same volume.

The case is one simulated in-phase volume of both thighs, 256 x 144 x 30. MyoT2 does all of `segment_image`: finding the
legs, the votes, back to the image's grid, cleaning. The peers do less: only their network on what it takes in, with
random weights, for the time does not depend on them. Their preprocessing, but for MuscleMap's resampling to 1 mm, and
the way back to the image's grid are left out.

- VNet (MONAI's stock, 3D) and DynUNet (3D, nnU-Net-like, 32 to 320 channels): one thigh at a time, 128 x 144 x 32.
- MuscleMap (2D U-Net, 64 to 1024 channels, 100 outputs): slices of 1 mm, a sliding window of 256 x 256 (MONAI
  `SliceInferer`, Gaussian), overlap 90 % as by default, and 50 %.

Each runs in a process of its own, one after the other; importing, building and loading are not counted, nor is a first
pass over three slices that warms up. Memory is the peak of the whole process, import included.

    .venv/bin/python benchmarks/segmentation_speed.py [--model FOLDER] [--threads 2] [--markdown]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from unseen.scores import markdown  # noqa: E402

MATRIX, SLICES = (256, 144), 30
THIGH = (144, 128, 32)
"""Rows, columns and slices of one thigh for the 3D networks, which take multiples of 16."""

CHANNELS = 15
"""Background, 13 muscles and the femur."""

WINDOW = 256
MUSCLEMAP_OUTPUTS = 100

Run = Callable[[np.ndarray], None]
"""Labels a volume (slices, rows, columns)."""


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    parser.add_argument("--threads", type=int, default=2, help="of each (default 2)")
    parser.add_argument("--only", choices=list(PROGRAMS), nargs="+", help="some of them")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--one", choices=list(PROGRAMS), help=argparse.SUPPRESS)
    parser.add_argument("--volume", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.one:
        print(json.dumps(measured(options.one, options)))
        return 0
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder) / "case.nii.gz"
        sitk.WriteImage(case(), str(volume))
        rows = {name: in_process(name, volume, options) for name in options.only or PROGRAMS}
    table = pd.DataFrame(rows).T.rename_axis("network")
    decimals = {"parameters (M)": 1, "CPU (s)": 1, "wall (s)": 1, "peak memory (MB)": 0}
    print(markdown(table, decimals) if options.markdown else table.round(1).to_string())
    return 0


def case() -> sitk.Image:
    """The in-phase image of a person of the digital cohort, of the wanted matrix."""
    from myot2.core.labels import read_labels
    from myot2.simulate.participant import simulate_participant
    from myot2.simulate.protocol import PRESETS, Conditions

    small = {"dixon_matrix": MATRIX, "multi_echo_matrix": (64, 36), "fine_matrix": (512, 288)}
    preset = replace(PRESETS["study"], slices=SLICES, depth=1, **small)
    table = read_labels(ROOT / "config" / "labels.tsv")
    series = simulate_participant(preset, 1, "P01", Conditions(), table).series
    grid, pixels = next(part.stacks[0] for part in reversed(series) if part.content == "IN_PHASE")
    return grid.image(pixels[0].astype(np.float32))


def in_process(name: str, volume: Path, options: argparse.Namespace) -> dict[str, float]:
    """The figures of one program, from a fresh process."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(options.threads))
    environment = {**os.environ, **threads, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    arguments = ["--one", name, "--volume", volume, "--model", options.model, "--threads", options.threads]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    print(f"{name} done", file=sys.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measured(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Build, warm up, run once."""
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    image = sitk.ReadImage(str(options.volume))
    run, parameters = PROGRAMS[name](options)
    with torch.inference_mode():
        run(image[:, :, :3])
        cpu, wall = time.process_time(), time.perf_counter()
        run(image)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"parameters (M)": parameters / 1e6, "CPU (s)": cpu, "wall (s)": wall, "peak memory (MB)": peak}


def myot2(options: argparse.Namespace) -> tuple[Run, int]:
    """The whole of `segment_image` with a trained model."""
    from myot2.core.labels import read_labels
    from myot2.segment.inference import segment_image
    from myot2.segment.model import load_model

    model, table = load_model(options.model), read_labels(ROOT / "config" / "labels.tsv")
    return lambda image: segment_image(image, model, table, threads=options.threads), _size(*model.networks)


def vnet(options: argparse.Namespace) -> tuple[Run, int]:
    """MONAI's VNet as it comes."""
    from monai.networks.nets import VNet

    return _per_thigh(VNet(spatial_dims=3, in_channels=1, out_channels=CHANNELS).eval())


def dynunet(options: argparse.Namespace) -> tuple[Run, int]:
    """MONAI's DynUNet as nnU-Net would plan it for thick slices: no pooling across the slices at first."""
    from monai.networks.nets import DynUNet

    strides = [(1, 1, 1), (2, 2, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2)]
    network = DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=CHANNELS,
        kernel_size=[(3, 3, 1), *[(3, 3, 3)] * 4],
        strides=strides,
        upsample_kernel_size=strides[1:],
        filters=[32, 64, 128, 256, 320],
        norm_name="instance",
    )
    return _per_thigh(network.eval())


def musclemap(overlap: float) -> Callable[[argparse.Namespace], tuple[Run, int]]:
    """MuscleMap's network and sliding window."""

    def build(options: argparse.Namespace) -> tuple[Run, int]:
        import torch
        from monai.inferers import SliceInferer
        from monai.networks.nets import UNet
        from torch.nn import functional

        network = UNet(
            spatial_dims=2,
            in_channels=1,
            out_channels=MUSCLEMAP_OUTPUTS,
            channels=(64, 128, 256, 512, 1024),
            strides=(2, 2, 2, 2),
            num_res_units=1,
            norm="instance",
            act="LeakyReLU",
        ).eval()
        inferer = SliceInferer(
            roi_size=(WINDOW, WINDOW), sw_batch_size=1, spatial_dim=2, overlap=overlap, mode="gaussian"
        )

        def run(image: sitk.Image) -> None:
            values = torch.from_numpy(sitk.GetArrayFromImage(image).transpose(1, 2, 0))[None, None]
            columns, rows = (round(n * mm) for n, mm in zip(MATRIX, image.GetSpacing(), strict=False))
            values = functional.interpolate(values, (rows, columns, values.shape[-1]), mode="trilinear")
            inferer((values - values.mean()) / values.std(), network).argmax(dim=1)

        return run, _size(network)

    return build


def _per_thigh(network) -> tuple[Run, int]:
    """Both thighs, one after the other, through a 3D network."""
    import torch

    def run(image: sitk.Image) -> None:
        values = torch.from_numpy(sitk.GetArrayFromImage(image).transpose(1, 2, 0))
        values = (values - values.mean()) / values.std()
        half = values.shape[1] // 2
        for thigh in (values[:, :half], values[:, half:].flip(1)):
            slices = thigh.shape[2]
            depth = THIGH[2] if slices > 16 else 16
            padded = torch.nn.functional.pad(thigh, (0, depth - slices))
            network(padded[None, None]).argmax(dim=1)

    return run, _size(network)


def _size(*networks) -> int:
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


PROGRAMS = {
    "MyoT2 (all of it)": myot2,
    "MONAI VNet": vnet,
    "MONAI DynUNet, nnU-Net-like": dynunet,
    "MuscleMap architecture, overlap 50 %": musclemap(0.5),
    "MuscleMap architecture, overlap 90 %": musclemap(0.9),
}


if __name__ == "__main__":
    sys.exit(main())
