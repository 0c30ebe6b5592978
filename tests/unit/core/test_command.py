"""Lists of files that are longer than a command line may be."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from myot2.core.command import listed

COUNT = "import sys; from pathlib import Path; from myot2.core.command import listed; print(len(listed([Path('-')])))"


def test_a_dash_reads_the_list_from_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("results/a b.nii.gz\n\nresults/c.nii.gz\n"))
    assert listed([Path("-")]) == [Path("results/a b.nii.gz"), Path("results/c.nii.gz")]
    assert listed([Path("one"), Path("-")]) == [Path("one"), Path("-")]


def test_the_shell_s_printf_hands_on_more_names_than_a_command_line_may_hold(tmp_path):
    """As the rules do it that name all images of a cohort."""
    names = " ".join(f"results/ingest/sub-N{number:05}/anat/{'x' * 100}.nii.gz" for number in range(30_000))
    script = tmp_path / "script.sh"
    script.write_text(f"set -euo pipefail\nprintf '%s\\n' {names} |\n'{sys.executable}' -c \"{COUNT}\"\n")
    assert subprocess.run(["bash", script], capture_output=True, text=True, check=True).stdout.strip() == "30000"
    script.write_text(f"exec '{sys.executable}' -c pass {names}\n")
    assert "too long" in subprocess.run(["bash", script], capture_output=True, text=True).stderr
