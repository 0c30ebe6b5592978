"""The page for those who may not run a server: a folder that opens from the disk, reads nothing else, and draws not."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from myot2.core.files import write_text
from myot2.core.images import read_volume, same_grid
from myot2.core.labels import LabelTable
from myot2.review.cases import Case
from myot2.review.listing import facts, listing

STATIC = Path(__file__).parent / "static"
NAME = "review.html"
BESIDE = ("niivue.umd.js", "niivue.LICENSE.txt", "between.js", "offline.js", "review.js", "review.css")
POLICY = (
    "default-src 'none'; script-src file: 'self' 'wasm-unsafe-eval'; style-src file: 'self'; img-src file: "
    "data: blob:; connect-src data: blob:; font-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
)
"""Nothing from any network, and nothing to it."""


def write_page(cases: Sequence[Case], table: LabelTable, folder: Path) -> None:
    """Write the page and its cases; the folder is replaced as a whole.

    Parameters
    ----------
    cases : sequence of Case
        In the order in which they are shown; names and groups do not go into the page.
    table : LabelTable
    folder : Path
        Of `review.html` and what lies beside it. The images go in as they are, in base64 in scripts, for a page from
        the disk may read scripts alone.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder.parent) as temporary:
        made = Path(temporary) / folder.name
        (made / "data").mkdir(parents=True)
        for name in BESIDE:
            shutil.copyfile(STATIC / name, made / name)
        told = _script("myot2List", listing(cases, table, lambda case: False))
        write_text(made / "data/list.js", told)
        digests = [hashlib.sha256(told.encode()).hexdigest()]
        for number, case in enumerate(cases, start=1):
            told = _script("myot2Case", number, _content(case))
            write_text(made / f"data/case-{number}.js", told)
            digests.append(hashlib.sha256(told.encode()).hexdigest())
        # what a browser keeps of one page must not come up in the page of another run
        word = hashlib.sha256("".join(digests).encode()).hexdigest()
        write_text(made / NAME, _document(word))
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)


def _content(case: Case) -> dict[str, Any]:
    fits = same_grid(read_volume(case.own_labels), read_volume(case.image))
    problem = None if fits else "The labels lie on another grid than the image; they are shown on the T2 map alone."
    files = {"image": case.image, "t2": case.t2_map, "t2labels": case.t2_labels, "labels": case.own_labels}
    return {
        "facts": {
            **facts(case),
            "grid": "labelled" if fits else None,
            "correction": False,
            "problem": problem,
            "repeat": case.repeat,
        },
        "files": {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()},
    }


def _script(name: str, *values: object) -> str:
    # within a script file no markup is read, so JSON's own escapes are enough
    return f"{name}({', '.join(json.dumps(value) for value in values)});\n"


def _document(word: str) -> str:
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    text = text.replace("/static/source.js", "/static/offline.js").replace("/static/", "").replace("@WORD@", word)
    return text.replace("<title>", f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<title>', 1)
