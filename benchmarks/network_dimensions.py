"""A network for a slice between its neighbours (2.5-D) against one for whole stacks (3-D), at equal CPU time.

Both are MONAI's residual UNet with the channels of the recipe; the 3-D one has kernels of 3 x 3 x 3 and strides in the
plane only, for the slices of a clinical stack are few. Both learn from the same people by the same images, optimiser
and learning-rate cycle, for as many steps as the given CPU time allows, images included; a step of the 2.5-D one
labels the recipe's three slices of three slabs, one of the 3-D one all eight slices of each of two slabs.

Both are then tried on people kept out of training (their completed label maps are in FOLDER/held-out,
benchmarks/segmentation_unseen.py makes them; FOLDER/people are those of scripts/train_model.py) at fixed slice
distances. Dice is that of all slabs of a distance together, mean over the muscles. Single networks, one pose.

    .venv/bin/python benchmarks/network_dimensions.py --work FOLDER [--cpu-minutes 15] [--markdown]
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from monai.losses import DiceCELoss
from monai.networks.nets import UNet

from myot2.core.labels import read_labels
from myot2.segment.model import ModelConfiguration, build_network
from myot2.simulate.atlas import FEMUR
from myot2.train.contrast import ImageMaker
from myot2.train.loop import learning_rate
from myot2.train.population import is_stranger, read_complete
from myot2.train.recipe import Cycle, Recipe, read_recipe
from myot2.train.slabs import SlabMaker
from myot2.train.variants import draw_variant

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from unseen.scores import markdown  # noqa: E402

DISTANCES_MM = (3.0, 6.0, 12.0, 24.0)
TRIED_SLICES = 8
SLABS_3D, SLICES_3D = 2, 8
TIMED_STEPS = 10

Pair = tuple[torch.Tensor, torch.Tensor]
"""Images and labels of a slab: (slices, rows, columns) each."""


class Source:
    """Slabs of people, as images and labels."""

    def __init__(self, recipe: Recipe, structures: Sequence[str], volumes: Sequence[np.ndarray]):
        muscles = [name for name in structures if name != FEMUR]
        self.volumes = volumes
        self.slabs = SlabMaker(recipe.network, recipe.population, recipe.geometry)
        self.images = ImageMaker(recipe.contrast, muscles, structures)

    def draw(self, slices: int, rng: np.random.Generator) -> Pair:
        """One slab of a person drawn at random."""
        volume = self.volumes[rng.integers(len(self.volumes))]
        return self.images.make(self.slabs.draw(volume, slices, rng), rng)


@dataclass(frozen=True)
class Contender:
    """A network, how it takes slabs in for a step of learning, and how it labels one slab."""

    network: torch.nn.Module
    batch: Callable[[Source, np.random.Generator], Pair]
    label: Callable[[torch.nn.Module, torch.Tensor], torch.Tensor]


def flat(configuration: ModelConfiguration, cycle: Cycle) -> Contender:
    """The 2.5-D network."""
    context = configuration.context

    def stacks(image: torch.Tensor) -> torch.Tensor:
        return image.unfold(0, 2 * context + 1, 1).permute(0, 3, 1, 2)

    def batch(source: Source, rng: np.random.Generator) -> Pair:
        pairs = [source.draw(cycle.slices + 2 * context, rng) for _ in range(cycle.slabs)]
        images = torch.cat([stacks(image) for image, _ in pairs])
        return images, torch.cat([labels[context : context + cycle.slices, None] for _, labels in pairs])

    return Contender(build_network(configuration), batch, lambda network, image: network(stacks(image)).argmax(1))


def solid(configuration: ModelConfiguration, cycle: Cycle) -> Contender:
    """The 3-D network; its batches are its own, whatever the recipe's cycle says of slabs and slices."""
    network = UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=len(configuration.structures) + 1,
        channels=configuration.channels,
        strides=[(1, stride, stride) for stride in configuration.strides],
        num_res_units=configuration.residual_units,
        norm="instance",
    )

    def batch(source: Source, rng: np.random.Generator) -> Pair:
        pairs = [source.draw(SLICES_3D, rng) for _ in range(SLABS_3D)]
        return tuple(torch.stack(parts)[:, None] for parts in zip(*pairs, strict=True))

    def label(trained: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
        context = configuration.context
        return trained(image[None, None])[0].argmax(0)[context : len(image) - context]

    return Contender(network, batch, label)


CONTENDERS = {"2.5-D": flat, "3-D": solid}


def learn(contender: Contender, source: Source, recipe: Recipe, steps: int) -> tuple[torch.nn.Module, float]:
    """Train for some steps; return the network with averaged weights, and the CPU seconds that it took."""
    plan, network = recipe.optimisation, contender.network
    cycle = plan.cycles[0].model_copy(update={"steps": steps, "stop_after": None})
    whole = plan.model_copy(update={"cycles": (cycle,)})
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=plan.weight_decay, betas=(0.9, 0.99))
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True, batch=True)

    start = time.process_time()
    for number in range(steps):
        images, labels = contender.batch(source, np.random.default_rng([plan.seeds[0], number]))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(number, whole)
        optimiser.zero_grad()
        loss_of(network(images), labels).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), plan.gradient_clip)
        optimiser.step()
        decay = min(plan.ema_decay, (1 + number) / (10 + number))
        with torch.no_grad():
            for mean, current in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(current, 1 - decay)
    return average.eval(), time.process_time() - start


def trials(recipe: Recipe, structures: Sequence[str], volumes: Sequence[np.ndarray], count: int) -> Iterator[tuple]:
    """(distance, slab) of the people kept out; the same ones at each call."""
    context = recipe.network.context
    for distance in DISTANCES_MM:
        geometry = recipe.geometry.model_copy(update={"slice_distance_mm": (distance, distance), "repeat_ends": 0.0})
        source = Source(recipe.model_copy(update={"geometry": geometry}), structures, volumes)
        for number in range(count):
            yield distance, source.draw(TRIED_SLICES + 2 * context, np.random.default_rng([1, int(distance), number]))


def overlap(found: torch.Tensor, truth: torch.Tensor, channels: int) -> np.ndarray:
    """Per channel: voxels in both, and the sum of both; shape (2, channels)."""
    both = torch.bincount(truth[found == truth], minlength=channels)
    each = torch.bincount(found.ravel(), minlength=channels) + torch.bincount(truth.ravel(), minlength=channels)
    return np.stack([both.numpy(), each.numpy()])


@torch.inference_mode()
def scores(
    network: torch.nn.Module,
    label: Callable[[torch.nn.Module, torch.Tensor], torch.Tensor],
    recipe: Recipe,
    configuration: ModelConfiguration,
    volumes: Sequence[np.ndarray],
    slabs: int,
) -> dict[str, float]:
    """Mean Dice over the muscles, per slice distance."""
    structures, context = configuration.structures, configuration.context
    sums = {distance: np.zeros((2, len(structures) + 1)) for distance in DISTANCES_MM}
    for distance, (image, truth) in trials(recipe, structures, volumes, slabs):
        inner = truth[context : len(truth) - context]
        sums[distance] += overlap(label(network, image), inner, len(structures) + 1)
    muscles = [1 + number for number, structure in enumerate(structures) if structure != FEMUR]
    return {f"{mm:g} mm": float(np.mean(2 * both[muscles] / each[muscles])) for mm, (both, each) in sums.items()}


def held_out_volumes(folder: Path, recipe: Recipe, muscles: int) -> list[np.ndarray]:
    """The thighs that nobody learns from, with tissues drawn about them."""
    variation, in_plane = recipe.population.maps.variation, recipe.population.in_plane_mm
    return [
        draw_variant(read_complete(path), muscles, variation, in_plane, np.random.default_rng([2, number]))
        for number, path in enumerate(sorted(folder.glob("*.npz")))
    ]


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="work folder of the training")
    parser.add_argument("--recipe", type=Path, default=ROOT / "config" / "train" / "thigh.yaml")
    parser.add_argument("--cpu-minutes", type=float, default=15.0, help="for each network (default 15)")
    parser.add_argument("--slabs", type=int, default=40, help="slabs to try per slice distance (default 40)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    recipe, table = read_recipe(options.recipe), read_labels(ROOT / "config" / "labels.tsv")
    configuration = recipe.configuration(table)
    kept = [path for path in sorted((options.work / "people").glob("*.npy")) if not is_stranger(path)]
    volumes = [np.load(path, mmap_mode="r", allow_pickle=False) for path in kept]
    learned = Source(recipe, configuration.structures, volumes)
    unseen = held_out_volumes(options.work / "held-out", recipe, len(table.muscles))
    rows = {}
    for name, build in CONTENDERS.items():

        def fresh(build: Callable[..., Contender] = build) -> Contender:
            torch.manual_seed(recipe.optimisation.seeds[0])
            return build(configuration, recipe.optimisation.cycles[0])

        _, spent_s = learn(fresh(), learned, recipe, TIMED_STEPS)
        steps = max(int(60 * options.cpu_minutes / spent_s * TIMED_STEPS), 1)
        network, cpu_s = learn(fresh(), learned, recipe, steps)
        rows[name] = {
            "parameters (M)": sum(weights.numel() for weights in network.parameters()) / 1e6,
            "steps": steps,
            "CPU (min)": cpu_s / 60,
            **scores(network, fresh().label, recipe, configuration, unseen, options.slabs),
        }
        print(f"{name}: {steps} steps in {cpu_s:.0f} CPU-seconds", file=sys.stderr)
    result = pd.DataFrame(rows).T.rename_axis("network").astype({"steps": int})
    decimals = {"parameters (M)": 1, "CPU (min)": 1, **{f"{distance:g} mm": 3 for distance in DISTANCES_MM}}
    print(markdown(result, decimals) if options.markdown else result.round(3).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
