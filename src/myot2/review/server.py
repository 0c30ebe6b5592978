"""The review server: lists cases, hands out their images, and takes decisions and corrected masks."""

from __future__ import annotations

import base64
import binascii
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

import SimpleITK as sitk
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
from myot2.review.decisions import Row, checked, raters_that_decide, read_decisions
from myot2.review.guard import Guard
from myot2.review.keep import keep, last_of
from myot2.review.listing import facts, listing
from myot2.review.masks import GRIDS, read_corrected, without_muscles
from myot2.review.places import corrected_mask_path, mask_of, owner_of

STATIC = Path(__file__).parent / "static"
SERVED = {
    "between.js": "text/javascript",
    "source.js": "text/javascript",
    "review.js": "text/javascript",
    "review.css": "text/css",
    "niivue.umd.js": "text/javascript",
    "niivue.LICENSE.txt": "text/plain",
}
NIFTI = "application/octet-stream"
MASK_MB = 64
MAX_BODY = MASK_MB * 1024 * 1024 * 4 // 3 + 65536
MAX_PLAIN = 512 * 1024 * 1024
"""Bytes of an unpacked mask; a small gzip file can hold very many."""

FIELDS = {"decision", "muscles", "reason", "comment", "minutes", "image_sha256", "mask_sha256", "mask"}


@dataclass(frozen=True)
class Drawing:
    """A label map to draw on: the correction's file (None: the run's own), its voxels, and on which of `GRIDS`."""

    correction: Path | None
    labels: sitk.Image
    grid: str


@dataclass
class Review:
    """What is reviewed, by whom, and where it is written down."""

    cases: Sequence[Case]
    folder: Path
    rater: str
    raters: Sequence[str] | None
    table: LabelTable
    lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self) -> list[Row]:
        """All rows of the table."""
        return read_decisions(self.folder)

    def own_row(self, case: Case, rows: Sequence[Row]) -> Row | None:
        """This rater's last row about a case."""
        return last_of(rows, case.scan.name, self.rater, "yes" if case.repeat else "no")

    def correction(self, case: Case, rows: Sequence[Row]) -> Path | None:
        """The corrected label map that this rater goes on from: the own one, else one that a person put there."""
        row = self.own_row(case, rows)
        if case.repeat or (row is not None and row.corrected_sha256):
            return mask_of(self.folder, row) if row else None
        if self.rater not in (raters_that_decide(rows, self.raters) or [self.rater]):
            return None
        nobodys = owner_of(self.folder, case.scan.name, rows) is None
        path = corrected_mask_path(self.folder, case.scan.name)
        return path if nobodys and path.is_file() else None

    def drawing(self, case: Case) -> Drawing | None:
        """What is drawn on: the correction, else the run's own label map; None where its voxels are no image's."""
        given = self.correction(case, self.rows())
        if given is not None:
            return Drawing(
                given, *read_corrected(given, self.table, read_volume(case.own_labels), read_volume(case.t2_map))
            )
        own = read_volume(case.own_labels)
        return Drawing(None, own, GRIDS[0]) if same_grid(own, read_volume(case.image)) else None


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
    told = listing(review.cases, review.table, lambda case: review.own_row(case, rows) is not None)
    return JSONResponse({"rater": review.rater, **told})


def case_facts(request: Request) -> Response:
    """What is shown beside the images, and the digests of what is seen."""
    review, case = _case(request)
    row = review.own_row(case, review.rows())
    said = {name: getattr(row, name) for name in ("decision", "reason", "comment", "muscles")} if row else {}
    return JSONResponse(
        {
            **facts(case),
            "before": said,
            **_told_of(review, case),
        }
    )


def case_file(request: Request) -> Response:
    """An image of a case."""
    review, case = _case(request)
    name = request.path_params["file"].removesuffix(".nii.gz")
    path = case.files.get(name)
    if request.path_params["file"] != f"{name}.nii.gz" or not (name == "labels" or (path and path.is_file())):
        raise Refused(404, "No such image.")
    if path is not None:
        return FileResponse(path, media_type=NIFTI)
    drawing = review.drawing(case)
    if drawing is None:
        raise Refused(404, "No such image.")
    with tempfile.TemporaryDirectory(prefix="myot2-review-") as temporary:
        write_image(drawing.labels, Path(temporary) / "labels.nii.gz")
        return Response((Path(temporary) / "labels.nii.gz").read_bytes(), media_type=NIFTI)


def _told_of(review: Review, case: Case) -> dict[str, Any]:
    """On which grid the page can draw (None: on none), whether on a correction, and why one cannot be opened."""
    try:
        drawing = review.drawing(case)
    except MyoT2Error as error:
        told = f"The corrected label map cannot be opened: expected {error.expected}; found {error.found}. {error.do}"
        return {"grid": None, "correction": True, "problem": told}
    if drawing is None:
        told = "The labels lie on another grid than the image, so nothing can be drawn here; correct them in ITK-SNAP."
        return {"grid": None, "correction": False, "problem": told}
    return {"grid": drawing.grid, "correction": drawing.correction is not None, "problem": None}


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
        image_sum, mask_sum = sha256(case.image), sha256(case.own_labels)
        if (said.get("image_sha256"), said.get("mask_sha256")) != (image_sum, mask_sum):
            raise Refused(409, "The image or the label map has changed since you opened the case. Open it again.")
        mask = None
        if said.get("decision") == "corrected":
            mask = _mask(said.get("mask"), review, case)
        elif said.get("mask") is not None:
            raise Refused(422, "A mask goes with the decision 'corrected'.")
        with tempfile.TemporaryDirectory(prefix="myot2-review-") as temporary:
            drawn = Path(temporary) / "mask.nii.gz" if mask is not None else None
            if drawn is not None:
                write_image(mask, drawn)
            record = {
                **{name: said.get(name) for name in ("decision", "muscles", "reason", "comment", "minutes")},
                "rater": review.rater,
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "participant_id": case.scan.participant_id,
                "session": case.scan.session,
                "image_sha256": image_sum,
                "mask_sha256": mask_sum,
                "corrected_sha256": sha256(drawn) if drawn is not None else None,
                "repeat": "yes" if case.repeat else "no",
            }
            row = checked(record, "decision")
            without_muscles(read_volume(case.own_labels), row.rejected_muscles, review.table, "decision")
            keep(review.folder, row, drawn, review.raters)
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
            return read_corrected(path, review.table, read_volume(case.own_labels), read_volume(case.t2_map))[0]
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


def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, getattr(error, "status", 422))


def _bad_input(request: Request, error: Exception) -> Response:
    told = f"{error.expected} expected, found {error.found}" if isinstance(error, MyoT2Error) else "The scan stopped."
    return JSONResponse({"message": told}, 422)
