"""The plan of the house (docs/architecture.md), held against the code."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/myot2"
STAGES = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists() and path.name != "core")
MAY_IMPORT = {
    "train": {"simulate", "segment"},
    "learn": {"train", "segment", "review", "audit"},
    "reconstruct": {"fit"},
}
# The atlas is fitted once, by scripts/fit_atlas.py; nothing that runs in the workflow imports that module.
MAY_IMPORT_TORCH = {"segment", "train", "learn", "simulate/atlas_fit.py"}


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_core_and_no_other_stage(stage):
    allowed = {stage, "core"} | MAY_IMPORT.get(stage, set())
    for path in (PACKAGE / stage).rglob("*.py"):
        stages = {name.split(".")[1] for name in imports_of(path) if name.startswith("myot2.")}
        assert stages <= allowed, path


def test_core_imports_no_stage():
    for path in (PACKAGE / "core").rglob("*.py"):
        assert not {name for name in imports_of(path) if name.startswith("myot2.") and ".core." not in name}, path


def test_torch_and_monai_are_imported_where_a_network_is_and_nowhere_else():
    for path in PACKAGE.rglob("*.py"):
        if {name.split(".")[0] for name in imports_of(path)} & {"torch", "monai"}:
            place = path.relative_to(PACKAGE).as_posix()
            assert place in MAY_IMPORT_TORCH or place.split("/")[0] in MAY_IMPORT_TORCH, path


def test_flower_is_imported_in_its_own_folder_which_nothing_but_the_federation_s_programs_imports():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        names = imports_of(path)
        inside = path.parent == PACKAGE / "learn/flower"
        assert inside or not {name for name in names if name.split(".")[0] == "flwr"}, path
        if any(name.startswith("myot2.learn.flower") for name in names):
            assert inside or path.stem in ("serve_federation", "join_federation"), path


def test_neither_scripts_nor_library_import_snakemake():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        assert not {name for name in imports_of(path) if name.split(".")[0] == "snakemake"}, path


def test_nothing_is_ever_unpickled_but_listed_weights_by_the_reader_of_tensors():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not {name for name in imports_of(path) if name.split(".")[0] in {"pickle", "dill", "joblib"}}, path
        assert "allow_pickle=True" not in text, path
        loads = re.findall(r"torch\.load\(([^)]*)\)", text)
        assert all("weights_only=True" in arguments for arguments in loads), path
        assert not loads or path == PACKAGE / "segment/weights.py", path


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*.smk")), ids=lambda path: path.stem)
def test_every_rule_has_a_docstring_a_log_a_benchmark_an_environment_and_says_what_it_needs(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""')
    for rule in re.split(r"^ *rule (?=\w+:)", text, flags=re.MULTILINE)[1:]:
        name, body = rule.split(":", 1)
        assert body.lstrip().startswith('"""'), name
        for directive in ("log:", "benchmark:", "conda:", "output:", "mem_mb=", "runtime="):
            assert directive in body, f"{name} has no {directive}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_its_page_and_its_rules(stage):
    assert (ROOT / f"docs/stages/{stage}.md").exists()
    assert (ROOT / f"rules/{stage}.smk").exists()


def test_no_file_names_a_path_of_somebody_s_machine():
    places = [*ROOT.glob("src/**/*.py"), *ROOT.glob("scripts/*"), *ROOT.glob("rules/*"), *ROOT.glob("config/**/*.*")]
    for path in [*places, *ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "Makefile"]:
        if path.is_file():
            assert not re.search(r"/(work|root|home)/\w", path.read_text(encoding="utf-8")), path


def test_no_two_modules_of_the_tests_have_the_same_name():
    """pytest imports each by its name alone, and fails where both are collected."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
