"""The T2 difference that the network's masks make, on the digital cohort of the study's protocol.

Each person is simulated, the in-phase image is labelled by the network with the water image asked at borders, and the
workflow's own programs do the rest: `scripts/resample_labels.py` brings the network's labels, and in the same way the
true labels of the Dixon grid, to the scanner's T2 map, `scripts/measure_muscles.py` measures both on that one map. So
nothing but the mask differs. A third mask, the truth on the T2 grid itself, tells what alignment adds, a fourth, of the
in-phase image alone, what the water image does. Per muscle counts what the truth has 1 ml of.
The people's shapes are those held out of every training; patients and controls are spread over the cohort.

    .venv/bin/python benchmarks/segmentation_t2.py [--people 20] [--preset study] [--model FOLDER] [--table OUT.tsv]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from myot2.core.files import atomic
from myot2.core.images import write_image, write_sidecar
from myot2.core.labels import LabelTable, read_labels
from myot2.core.tables import read_table
from myot2.simulate.cohort import participant_ids
from myot2.simulate.participant import Examination, simulate_participant
from myot2.simulate.protocol import PRESETS, SLICE_THICKNESS_MM, Conditions, Preset

ROOT = Path(__file__).parents[1]
LABELS = ROOT / "config" / "labels.tsv"
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "scripts")]

import measure_muscles  # noqa: E402
import resample_labels  # noqa: E402
from unseen.scores import LEAST_ML, markdown  # noqa: E402

NETWORK, TRUE, TRUE_ON_T2, ALONE = "network", "truth", "truth on the T2 grid", "network, in-phase alone"
STUDY_VALUE = ("thigh", "both")
SNR = 60.0


@dataclass(frozen=True)
class Images:
    """What the stages are given of one examination."""

    in_phase: sitk.Image
    water: sitk.Image
    echo: sitk.Image
    t2_map: sitk.Image
    true: sitk.Image
    true_on_t2: sitk.Image

    @classmethod
    def of(cls, examination: Examination) -> Images:
        """The last in-phase series (the first is spoiled by motion), the first echo, the scanner's map, the truth."""
        series = {part.content: part.stacks[0] for part in examination.series}
        parts = (series[content] for content in ("IN_PHASE", "WATER", "M", "T2 MAP"))
        (dixon, in_phase), (_, water), (grid, echoes), (_, t2) = parts
        truth = examination.truth
        return cls(
            in_phase=dixon.image(in_phase[0].astype(np.float32)),
            water=dixon.image(water[0].astype(np.float32)),
            echo=grid.image(echoes[0].astype(np.float32)),
            t2_map=grid.image(t2[0].astype(np.float32)),
            true=truth.dixon_grid.image(truth.dixon_labels),
            true_on_t2=truth.t2_grid.image(truth.t2_labels),
        )


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    from myot2.segment.inference import segment_image
    from myot2.segment.model import load_model

    table, model, preset = read_labels(LABELS), load_model(options.model), PRESETS[options.preset]
    conditions = Conditions(motion_mm=options.motion_mm, snr=SNR)

    def segment(image: sitk.Image, water: sitk.Image | None = None) -> sitk.Image:
        return segment_image(image, model, table, threads=options.threads, water=water).labels

    rows = []
    for person in chosen(preset, options.people):
        images = Images.of(simulate_participant(preset, options.seed, person, conditions, table))
        rows.append(measure(images, segment).assign(person=person))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    measures = pd.concat(rows, ignore_index=True)
    if options.table:
        with atomic(options.table) as temporary:
            measures.to_csv(temporary, sep="\t", index=False, float_format="%.4f")
    print(report(measures, table, as_markdown=options.markdown))
    return 0


def chosen(preset: Preset, people: int) -> list[str]:
    """That many of the cohort, evenly spread over patients and controls."""
    ids = participant_ids(preset.patients, preset.controls)
    return [ids[place] for place in np.linspace(0, len(ids) - 1, min(people, len(ids))).round().astype(int)]


def measure(images: Images, segment: Callable[..., sitk.Image]) -> pd.DataFrame:
    """Mean T2 (ms) and volume of every region by each of the four masks: region, side, mask, t2_ms, volume_ml."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("in_phase", "echo", "t2_map"):
            write_image(getattr(images, part), folder / f"{part}.nii.gz")
            write_sidecar(folder / f"{part}.nii.gz", {"SliceThickness": SLICE_THICKNESS_MM})
        write_image(segment(images.in_phase, images.water), folder / "network.nii.gz")
        write_image(segment(images.in_phase), folder / "alone.nii.gz")
        write_image(images.true, folder / "true.nii.gz")
        write_image(images.true_on_t2, folder / "true-on-t2.nii.gz")
        tables = {
            NETWORK: _measured(_aligned(folder / "network.nii.gz"), folder),
            ALONE: _measured(_aligned(folder / "alone.nii.gz"), folder),
            TRUE: _measured(_aligned(folder / "true.nii.gz"), folder),
            TRUE_ON_T2: _measured(folder / "true-on-t2.nii.gz", folder),
        }
    return pd.concat([table.assign(mask=mask) for mask, table in tables.items()])


def _aligned(labels: Path) -> Path:
    """The labels on the grid of the T2 map, by the workflow's program."""
    out = labels.with_name(f"t2-{labels.name}")
    files = {"--labels": labels, "--reference": labels.with_name("echo.nii.gz"), "--out": out}
    files |= {"--moving-image": labels.with_name("in_phase.nii.gz"), "--label-table": LABELS}
    _run(resample_labels.main, files)
    return out


def _measured(labels: Path, folder: Path) -> pd.DataFrame:
    out = folder / "measures.tsv"
    files = {"--t2": folder / "t2_map.nii.gz", "--labels": labels, "--label-table": LABELS, "--out": out}
    _run(measure_muscles.main, {**files, "--participant": "X"})
    table = read_table(out)
    values = table[["t2_mean_ms", "volume_ml"]].astype(float).set_axis(["t2_ms", "volume_ml"], axis=1)
    return pd.concat([table[["region", "side"]], values], axis=1)


def _run(program: Callable[[list[str]], int], options: dict[str, object]) -> None:
    status = program([str(part) for pair in options.items() for part in pair])
    if status:
        raise SystemExit(status)


def report(measures: pd.DataFrame, table: LabelTable, *, as_markdown: bool) -> str:
    """The figures of the requirement, and per muscle."""
    wide = measures.pivot(index=["person", "region", "side"], columns="mask", values=["t2_ms", "volume_ml"])
    t2, volume = wide["t2_ms"], wide["volume_ml"]
    thigh = t2.xs(STUDY_VALUE, level=("region", "side"))
    by_mask, by_all = thigh[NETWORK] - thigh[TRUE], thigh[NETWORK] - thigh[TRUE_ON_T2]
    held = volume[TRUE] >= LEAST_ML
    single = held & t2.index.get_level_values("region").isin(table.muscles)
    single &= t2.index.get_level_values("side") != "both"
    differences, alone = ((t2[mask] - t2[TRUE])[single] for mask in (NETWORK, ALONE))
    lost = int(differences.isna().sum())
    lines = [
        f"{len(thigh)} people, T2 {thigh[TRUE].min():.1f}-{thigh[TRUE].max():.1f} ms",
        f"whole thigh, network's mask minus true mask (ms): {_spread(by_mask)}",
        f"whole thigh, network's mask minus the truth on the T2 grid (ms): {_spread(by_all)}",
        f"single muscles and sides (ms), {len(differences)} of them, {lost} without a voxel: {_spread(differences)}",
        f"without the water image: whole thigh {_spread(thigh[ALONE] - thigh[TRUE])}; single muscles {_spread(alone)}",
    ]
    groups = differences.groupby(level="region", sort=False)
    volumes = (100 * (volume[NETWORK] / volume[TRUE] - 1))[single].groupby(level="region", sort=False)
    columns = {
        "n": groups.size(),
        "bias (ms)": groups.mean(),
        "median, absolute (ms)": groups.agg(lambda part: part.abs().median()),
        "95th percentile, absolute (ms)": groups.agg(lambda part: part.abs().quantile(0.95)),
        "volume (%)": volumes.mean(),
    }
    seen = [name for name in table.muscles if name in groups.groups]
    per_muscle = pd.DataFrame(columns).loc[seen].rename_axis("muscle")
    decimals = {name: 1 if "%" in name else 2 for name in per_muscle.columns[1:]}
    lines += ["", markdown(per_muscle, decimals) if as_markdown else per_muscle.round(2).to_string()]
    return "\n".join(lines)


def _spread(differences: pd.Series) -> str:
    size = differences.abs().dropna()
    return (
        f"bias {differences.mean():+.2f}, median of the absolute difference {size.median():.2f}, "
        f"95th percentile {size.quantile(0.95):.2f}, largest {size.max():.2f}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="study", help="cohort and matrix (default study)")
    parser.add_argument("--people", type=int, default=20, help="how many of the cohort (default 20)")
    parser.add_argument("--seed", type=int, default=20231, help="of the cohort (default %(default)s)")
    parser.add_argument("--motion-mm", type=float, default=0.0, help="of the legs between Dixon and T2 series")
    parser.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network")
    parser.add_argument("--table", type=Path, help="all measures, as TSV")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
