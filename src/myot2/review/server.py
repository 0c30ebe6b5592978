"""The review server: lists cases, hands out their images, and takes decisions and corrected masks."""

from __future__ import annotations

import base64
import binascii
import functools
import gzip
import io
import json
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import read_volume, same_grid, write_image
from myot2.core.labels import LabelTable
from myot2.core.stopnote import Stopped
from myot2.review.cases import Case
from myot2.review.decisions import Row, add_decision, checked, read_decisions
from myot2.review.guard import Guard
from myot2.review.masks import read_corrected, without_muscles
from myot2.review.places import corrected_mask_path, reading_path

STATIC = Path(__file__).parent / "static"
SERVED = {
    "review.js": "text/javascript",
    "review.css": "text/css",
    "niivue.umd.js": "text/javascript",
    "niivue.LICENSE.txt": "text/plain",
}
MASK_MB = 64
MAX_BODY = MASK_MB * 1024 * 1024 * 4 // 3 + 65536
MAX_PLAIN = 512 * 1024 * 1024
"""Bytes of an unpacked mask; a small gzip file can hold very many."""

FIELDS = {"decision", "muscles", "reason", "comment", "minutes", "image_sha256", "mask_sha256", "mask"}


@dataclass
class Review:
    """What is reviewed, by whom, and where it is written down."""

    cases: Sequence[Case]
    folder: Path
    rater: str
    deciding_rater: str | None
    table: LabelTable
    lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self) -> list[Row]:
        """All rows of the table."""
        return read_decisions(self.folder)

    def own_row(self, case: Case, rows: Sequence[Row]) -> Row | None:
        """This rater's last row about a case."""
        repeat = "yes" if case.repeat else "no"
        mine = [row for row in rows if (row.scan, row.rater, row.repeat) == (case.scan, self.rater, repeat)]
        return mine[-1] if mine else None

    def decides(self, rows: Sequence[Row]) -> bool:
        """Whether this rater's masks are those that the workflow takes."""
        return self.rater == (self.deciding_rater or (rows[0].rater if rows else self.rater))

    def mask_path(self, case: Case, rows: Sequence[Row]) -> Path:
        """Where a mask of this rater goes: the workflow's place, or where further readings lie."""
        if self.decides(rows) and not case.repeat:
            return corrected_mask_path(self.folder, case.scan.name)
        return reading_path(self.folder, self.rater, 2 if case.repeat else 1, case.scan.name)


class Refused(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, message: str):
        self.status = status
        super().__init__(message)


def make_app(review: Review, *, port: int) -> Guard:
    """The guarded application; its `token` opens it."""
    routes = [
        Route("/", page),
        Route("/static/{name}", static),
        Route("/api/cases", listed),
        Route("/api/cases/{number}", case_facts),
        Route("/api/cases/{number}/decision", decide, methods=["POST"]),
        Route("/api/cases/{number}/{file}", case_file),
    ]
    app = Starlette(routes=routes, exception_handlers={Refused: _refused, MyoT2Error: _bad_input, Stopped: _bad_input})
    app.state.review = review
    app.state.guard = Guard(app, port=port, max_body=MAX_BODY)
    return app.state.guard


async def page(request: Request) -> Response:
    """The page, with the word that shows that a change comes from it."""
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    return HTMLResponse(text.replace("@WORD@", request.app.state.guard.word))


async def static(request: Request) -> Response:
    """One of the page's files, by a fixed list of names."""
    name = request.path_params["name"]
    if name not in SERVED:
        raise Refused(404, "No such file.")
    return FileResponse(STATIC / name, media_type=SERVED[name])


def listed(request: Request) -> Response:
    """All cases in order, by number: risk, flags and whether they are done; no name and no group."""
    review: Review = request.app.state.review
    rows = review.rows()
    cases = [
        {"number": number, "risk": case.risk, "flags": list(case.flags), "done": review.own_row(case, rows) is not None}
        for number, case in enumerate(review.cases, start=1)
    ]
    labels = [
        {"index": label.index, "name": f"{label.side} {label.name}", "colour": label.colour, "muscle": label.is_muscle}
        for label in review.table.labels
    ]
    return JSONResponse({"rater": review.rater, "cases": cases, "labels": labels})


def case_facts(request: Request) -> Response:
    """What is shown beside the images, and the digests of what is seen."""
    review, case = _case(request)
    row = review.own_row(case, review.rows())
    said = {name: getattr(row, name) for name in ("decision", "reason", "comment", "muscles")} if row else {}
    return JSONResponse(
        {
            "risk": case.risk,
            "flags": list(case.flags),
            "image_sha256": sha256(case.image),
            "mask_sha256": sha256(case.own_labels),
            "before": said,
            "drawable": _drawing(review, case) is not None,
        }
    )


def case_file(request: Request) -> Response:
    """An image of a case."""
    review, case = _case(request)
    name = request.path_params["file"].removesuffix(".nii.gz")
    path = _drawing(review, case) if name == "labels" else case.files.get(name)
    if path is None or request.path_params["file"] != f"{name}.nii.gz" or not path.is_file():
        raise Refused(404, "No such image.")
    return FileResponse(path, media_type="application/octet-stream")


async def decide(request: Request) -> Response:
    """Take a decision, and with it a corrected mask; all of it or nothing."""
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise Refused(413, "Too large.") from error
    return await run_in_threadpool(_decide, request, body)


def _decide(request: Request, body: bytes) -> Response:
    review, case = _case(request)
    said = _object(body)
    with review.lock:
        rows = review.rows()
        image_sum, mask_sum = sha256(case.image), sha256(case.own_labels)
        if (said.get("image_sha256"), said.get("mask_sha256")) != (image_sum, mask_sum):
            raise Refused(409, "The image or the label map has changed since you opened the case. Open it again.")
        mask = None
        if said.get("decision") == "corrected":
            mask = _mask(said.get("mask"), review, case)
        elif said.get("mask") is not None:
            raise Refused(422, "A mask goes with the decision 'corrected'.")
        target = review.mask_path(case, rows)
        with tempfile.TemporaryDirectory(prefix="myot2-review-") as temporary:
            drawn = Path(temporary) / "mask.nii.gz"
            if mask is not None:
                write_image(mask, drawn)
            record = {
                **{name: said.get(name) for name in ("decision", "muscles", "reason", "comment", "minutes")},
                "rater": review.rater,
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "participant_id": case.scan.participant_id,
                "session": case.scan.session,
                "image_sha256": image_sum,
                "mask_sha256": mask_sum,
                "corrected_sha256": sha256(drawn) if mask is not None else None,
                "repeat": "yes" if case.repeat else "no",
            }
            row = checked(record, "decision")
            without_muscles(read_volume(case.own_labels), row.rejected_muscles, review.table, "decision")
        if mask is not None:
            write_image(mask, target)
        elif target.is_file():
            # an earlier correction that this decision takes back must not lie where the workflow would take it
            target.rename(target.with_name(f"{target.name}.withdrawn"))
        add_decision(review.folder, row)
    return JSONResponse({"done": True})


def _case(request: Request) -> tuple[Review, Case]:
    review: Review = request.app.state.review
    number = request.path_params["number"]
    if not (number.isascii() and number.isdecimal() and len(number) < 7 and 1 <= int(number) <= len(review.cases)):
        raise Refused(404, "No such case.")
    return review, review.cases[int(number) - 1]


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise Refused(400, "The body is no JSON.") from error
    texts = isinstance(said, dict) and all(
        value is None or isinstance(value, str) or (name == "minutes" and isinstance(value, int | float))
        for name, value in said.items()
    )
    if not texts or not set(said) <= FIELDS:
        raise Refused(400, f"The body is an object of texts with the fields {', '.join(sorted(FIELDS))}.")
    return said


def _mask(text: str | None, review: Review, case: Case):
    """The corrected label map of a request, checked as the workflow will check it."""
    try:
        packed = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, "The mask is not in base64.") from error
    if len(packed) > MASK_MB * 1024 * 1024:
        raise Refused(413, "The mask is too large.")
    if packed[:2] == b"\x1f\x8b":
        packed = _unpacked(packed)
    with tempfile.TemporaryDirectory(prefix="myot2-review-") as temporary:
        path = Path(temporary) / "mask.nii"
        path.write_bytes(packed)
        _require_nifti(packed)
        try:
            return read_corrected(path, review.table, read_volume(case.own_labels))[0]
        except MyoT2Error as error:
            raise Refused(422, f"The mask is refused: expected {error.expected}; found {error.found}.") from error


def _unpacked(packed: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            plain = stream.read(MAX_PLAIN + 1)
    except (OSError, EOFError, gzip.zlib.error) as error:
        raise Refused(422, "The mask is no whole gzip file.") from error
    if len(plain) > MAX_PLAIN:
        raise Refused(413, "The mask is too large.")
    return plain


def _require_nifti(plain: bytes) -> None:
    """Refuse what is no NIfTI-1 or -2 file in one piece before a reader made for trusted files sees it."""
    if plain[344:348] != b"n+1\0" and plain[4:8] != b"n+2\0":
        raise Refused(422, "The mask is no NIfTI file.")


def _drawing(review: Review, case: Case) -> Path | None:
    """What is drawn on: the rater's own correction where it is on the image's grid, else the run's label map."""
    mine = review.mask_path(case, review.rows())
    for path in (mine, case.own_labels):
        if path.is_file() and _on_grid(path, _stamp(path), case.image):
            return path
    return None


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


@functools.lru_cache(maxsize=1024)
def _on_grid(path: Path, _stamp: int, image: Path) -> bool:
    try:
        return same_grid(read_volume(path), read_volume(image))
    except (MyoT2Error, Stopped):
        return False


def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, getattr(error, "status", 422))


def _bad_input(request: Request, error: Exception) -> Response:
    told = f"{error.expected} expected, found {error.found}" if isinstance(error, MyoT2Error) else "The scan stopped."
    return JSONResponse({"message": told}, 422)
