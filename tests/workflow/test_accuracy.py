"""How near the workflow comes to the simulator's truth, on people whose shapes the network has not seen."""

from __future__ import annotations

import importlib.util

import pytest

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def cohort_accuracy(root):
    spec = importlib.util.spec_from_file_location("cohort_accuracy", root / "benchmarks/cohort_accuracy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ideal(project, four_people) -> str:
    """Two of the four, examined with ideal refocusing, T2 fitted to the echoes."""
    header, *rows = four_people.splitlines()
    kept = [row.replace("results/four/", "results/ideal/") for row in rows if row.startswith(("P01", "C01"))]
    content = {"simulate": {"preset": "demo", "refocusing": "ideal"}, "fit": {"source": "echoes"}}
    configuration = project.configure("ideal", content, "\n".join([header, *kept, ""]))
    project.snakemake(configuration, "--until", "collect")
    return configuration


def test_t2_from_the_vendor_map_is_within_1_ms_of_the_truth(project, finished, cohort_accuracy):
    table = cohort_accuracy.compare(project.folder / "results/four")
    assert len(table) == 4
    assert (table["t2_ms"] - table["t2_true_ms"]).abs().mean() <= 1.0


def test_t2_from_echoes_is_within_1_ms_of_the_truth_where_refocusing_is_ideal(project, ideal, cohort_accuracy):
    table = cohort_accuracy.compare(project.folder / "results/ideal")
    assert len(table) == 2
    assert (table["t2_ms"] - table["t2_true_ms"]).abs().mean() <= 1.0


def test_the_segmentation_agrees_with_the_true_labels(project, finished, cohort_accuracy):
    table = cohort_accuracy.compare(project.folder / "results/four")
    assert table["dice_whole"].mean() >= 0.95
    assert table["dice_mean"].mean() >= 0.85
