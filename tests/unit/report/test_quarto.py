"""Quarto's own program, where it is installed, is given the document and the running Python.

A shell program stands in for Quarto, which no Python package carries: what is tested is how it is called.
"""

from __future__ import annotations

import sys

import pytest

from myot2.report import quarto


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program named quarto with the given body on PATH."""

    def install(body: str):
        path = tmp_path / "bin/quarto"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

    return install


def test_without_the_program_quarto_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not quarto.is_installed()


def test_both_formats_are_asked_for_with_the_title_and_the_running_python(program, tmp_path):
    program('[ "$1" = --version ] && echo 1.9.38 && exit\necho "$* $QUARTO_PYTHON $(pwd)" >> calls.txt')
    assert quarto.is_installed()
    assert quarto.renderer_name() == "Quarto 1.9.38"
    quarto.render(tmp_path / "report.qmd", title="A title")
    assert (tmp_path / "calls.txt").read_text().splitlines() == [
        f"render report.qmd --to {kind} --metadata title:A title {sys.executable} {tmp_path}"
        for kind in ("html", "typst")
    ]


def test_what_quarto_says_is_told_where_it_fails(program, tmp_path):
    program("echo 'ERROR: no such kernel' >&2; exit 1")
    with pytest.raises(quarto.QuartoFailed, match="no such kernel"):
        quarto.render(tmp_path / "report.qmd")
