"""Which modules a program is made of: found by reading, checked against what Python really loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from myot2.core import sources
from myot2.core.files import sha256
from myot2.core.scans import Scan
from myot2.core.sources import CODE_LISTS, listed_code, modules_of, write_code_list

LOADED = """
import json, pathlib, runpy, sys
sys.argv = [sys.argv[1], "--help"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit:
    pass
files = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "myot2" and m.__file__]
print("LOADED", json.dumps(files))
"""


@pytest.mark.parametrize("name", ["fit_t2", "ingest_dicom", "collect_measures"])
def test_all_modules_that_python_loads_are_found(root, name):
    script = root / "scripts" / f"{name}.py"
    run = subprocess.run([sys.executable, "-c", LOADED, script], capture_output=True, text=True, check=True)
    loaded = json.loads(run.stdout.split("LOADED ")[1])
    assert set(loaded) <= set(modules_of(script, root / "src"))


def test_modules_imported_inside_functions_are_found(tmp_path):
    package = tmp_path / "src" / "myot2" / "fit"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package / "epg.py").write_text("import numpy\n")
    (package / "mono.py").write_text("def fit():\n    from myot2.fit import epg\n")
    (tmp_path / "fit.py").write_text("import myot2.fit.mono\n")
    found = modules_of(tmp_path / "fit.py", tmp_path / "src")
    assert [path.removeprefix(f"{tmp_path}/src/myot2/") for path in found] == [
        "__init__.py",
        "fit/__init__.py",
        "fit/epg.py",
        "fit/mono.py",
    ]


def test_fitting_does_not_depend_on_the_segmentation(root):
    found = modules_of(root / "scripts/fit_t2.py", root / "src")
    assert any("/fit/" in path for path in found)
    assert not any("/segment/" in path or "/train/" in path for path in found)


def test_scans_are_named_by_bids_entities():
    assert (Scan("P01").name, Scan("P01").folder) == ("sub-P01", "sub-P01/anat")
    assert (Scan("P01", "2").name, Scan("P01", "2").folder) == ("sub-P01_ses-2", "sub-P01/ses-2/anat")


def test_the_list_of_a_program_s_files_changes_with_their_content_and_is_as_old_as_the_youngest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "src/myot2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "mono.py").write_text("import numpy\n")
    program = tmp_path / "fit.py"
    program.write_text("import myot2.mono\n")
    path = write_code_list("fit.py")
    assert path == f"{CODE_LISTS}/fit.sha256"
    assert listed_code(path) == ["fit.py", "src/myot2/__init__.py", "src/myot2/mono.py"]
    assert f"{sha256('src/myot2/mono.py')}  src/myot2/mono.py" in Path(path).read_text()
    before = Path(path).read_bytes()
    os.utime(program, (2_000_000_000, 2_000_000_000))
    write_code_list("fit.py")
    assert Path(path).read_bytes() == before and Path(path).stat().st_mtime == 2_000_000_000
    (package / "mono.py").write_text("import scipy\n")
    sources._digest.cache_clear()
    write_code_list("fit.py")
    assert Path(path).read_bytes() != before
    assert listed_code("config/labels.tsv") == ["config/labels.tsv"]
