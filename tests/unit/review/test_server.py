"""Attacks on the review server, over real HTTP: the right status, and nothing written."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import re
import socket
import threading
import time

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from review_boxes import box, grid

from myot2.core.files import sha256
from myot2.core.images import array_of, read_image, write_image
from myot2.review.decisions import deciding, read_decisions
from myot2.review.places import mask_that_counts
from myot2.review.server import FIELDS, Review, make_app

uvicorn = pytest.importorskip("uvicorn", reason="the review page needs uvicorn (envs/pins.toml, [review])")


class Client:
    """A browser that sends what it is told, and nothing that it is not."""

    def __init__(self, port: int):
        self.port, self.cookie, self.word = port, None, None

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        own = {"host": f"127.0.0.1:{self.port}", "cookie": self.cookie}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if body is not None:
            own.setdefault("content-length", str(len(body)))
        for name, value in own.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, dict(answer.getheaders())

    def enter(self, token: str):
        status, _, headers = self.ask("GET", f"/?token={token}")
        if status == 303:
            self.cookie = headers["set-cookie"].split(";")[0]
            self.word = re.search(r'name="word" content="([^"]+)"', self.ask("GET", "/")[1].decode()).group(1)
        return status, headers

    def decide(self, number="1", *, origin="own", word="own", raw: bytes | None = None, said=None, **headers):
        body = raw if raw is not None else json.dumps(said).encode()
        own = f"http://127.0.0.1:{self.port}"
        return self.ask(
            "POST",
            f"/api/cases/{number}/decision",
            body,
            origin=own if origin == "own" else origin,
            x_myot2_word=self.word if word == "own" else word,
            **headers,
        )


class Door:
    """One listening server for all tests, whose application is exchanged: starting one costs more than a test."""

    def __init__(self, port: int):
        self.port, self.app = port, None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def door():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Door(port)
    server = uvicorn.Server(uvicorn.Config(made, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield made
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def served(door, cases, table, tmp_path):
    review = Review([*cases, cases[0].as_repeat()], tmp_path / "corrections", "anna", None, table)
    door.app = make_app(review, port=door.port)
    return Client(door.port), door.app, review


@pytest.fixture
def entered(served):
    client, app, review = served
    assert client.enter(app.token)[0] == 303
    return client, review


def everything(review) -> dict:
    folder = review.folder.parent
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said_of(review, **changes) -> dict:
    case = review.cases[0]
    seen = {"image_sha256": sha256(case.image), "mask_sha256": sha256(case.own_labels)}
    return {"decision": "accept", "minutes": 1.5, **seen, **changes}


def packed(image: sitk.Image, tmp_path) -> str:
    sitk.WriteImage(image, str(tmp_path.parent / "sent.nii"))
    return base64.b64encode(gzip.compress((tmp_path.parent / "sent.nii").read_bytes())).decode()


def test_the_token_works_once_and_its_cookie_is_for_this_page_alone(served):
    client, app, _ = served
    assert client.ask("GET", "/")[0] == 401
    assert client.ask("GET", "/?token=")[0] == client.ask("GET", "/?token=wrong")[0] == 403
    token = app.token
    status, headers = client.enter(token)
    assert status == 303 and "HttpOnly" in headers["set-cookie"] and "samesite=strict" in headers["set-cookie"].lower()
    assert Client(client.port).enter(token)[0] == 403
    assert client.ask("GET", "/api/cases")[0] == 200


@pytest.mark.parametrize("cookie", [None, "myot2_review=", "myot2_review=wrong", "other=1"])
def test_without_the_cookie_nothing_is_told(served, cookie):
    client, _, _ = served
    client.cookie = cookie
    for path in ("/", "/api/cases", "/api/cases/1", "/api/cases/1/image.nii.gz", "/static/review.js"):
        assert client.ask("GET", path)[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "0.0.0.0:{port}", None])
def test_a_name_that_was_pointed_at_this_machine_is_not_answered(entered, host):
    client, _ = entered
    host = host and host.format(port=client.port)
    # without a host the server itself refuses
    assert client.ask("GET", "/api/cases", host=host)[0] in ((421,) if host else (400, 421))


@pytest.mark.parametrize(
    "attack",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": None},
        {"origin": "https://127.0.0.1"},
        {"word": None},
        {"word": "wrong"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_a_change_from_elsewhere_is_forbidden_and_nothing_is_written(entered, attack):
    client, review = entered
    before = everything(review)
    assert client.decide(said=said_of(review), **attack)[0] == 403
    assert everything(review) == before


TRAVERSALS = [
    *("..", "../..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2F1", "1%00", "/etc/passwd"),
    *("-1", "0", "4", "1e0", "%C2%B9", "%D9%A3"),
]


@pytest.mark.parametrize("quoted", TRAVERSALS)
def test_no_part_of_an_address_is_a_path(entered, quoted):
    client, review = entered
    before = everything(review)
    places = ("/api/cases/{}", "/api/cases/{}/image.nii.gz", "/api/cases/1/{}", "/static/{}")
    for path in (place.format(quoted) for place in places):
        status, content, _ = client.ask("GET", path)
        assert status == 404 and b"root:" not in content, path
    assert client.decide(quoted, said=said_of(review))[0] == 404
    assert everything(review) == before


@pytest.mark.parametrize("field", sorted(FIELDS))
@pytest.mark.parametrize("text", ["../../etc/passwd", "/etc/passwd", ["x"], {"a": 1}])
def test_no_field_of_a_decision_is_a_path_and_only_texts_are_taken(entered, field, text):
    client, review = entered
    before = everything(review)
    status = client.decide(said=said_of(review, **{field: text}))[0]
    if field in ("reason", "comment") and isinstance(text, str):
        assert status == 200 and set(everything(review)) - set(before) == {review.folder / "decisions.tsv"}
    else:
        assert status in (400, 409, 422) and everything(review) == before


@pytest.mark.parametrize("field", ["rater", "participant_id", "folder", "path", "time"])
def test_who_and_whose_is_not_for_the_page_to_say(entered, field):
    client, review = entered
    assert client.decide(said=said_of(review, **{field: "x"}))[0] == 400
    assert read_decisions(review.folder) == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"1", b"null"])
def test_a_body_that_is_no_object_is_refused(entered, raw):
    client, review = entered
    assert client.decide(raw=raw)[0] == 400
    assert read_decisions(review.folder) == []


def test_too_large_a_body_is_refused_before_it_is_read(entered):
    client, review = entered
    assert client.decide(raw=b"", content_length=str(10**9))[0] == 413
    assert client.decide(raw=b"", content_length=None)[0] == 411
    assert client.decide(raw=None, said=said_of(review), content_length="-5")[0] in (400, 411)
    assert read_decisions(review.folder) == []


def header(**changes) -> bytes:
    image = nibabel.Nifti1Image(box().T.astype(np.uint8), np.diag([-2.0, -2.0, 6.0, 1.0]))
    plain = bytearray(image.to_bytes())
    for place, value in changes.items():
        at = int(place[1:])
        plain[at : at + len(value)] = value
    return bytes(plain)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        gzip.compress(b"no image"),
        gzip.compress(header())[:-30],
        header()[:360],
        header(_344=b"ni1\0"),
        header(_40=b"\x03\x00\xff\x7f\xff\x7f\xff\x7f"),  # dimensions of 32767 each
        header(_70=b"\xff\x7f"),  # a number type that does not exist
        gzip.compress(b"\0" * (1 << 20)) * 520,  # unpacks to more than is allowed
    ],
    ids=lambda _: "",  # by number: a gzip file holds the time at which it was made
)
def test_a_mask_that_is_no_whole_nifti_is_refused(entered, content):
    client, review = entered
    before = everything(review)
    mask = base64.b64encode(content).decode()
    status = client.decide(said=said_of(review, decision="corrected", mask=mask))[0]
    assert status in (413, 422) and everything(review) == before


@pytest.mark.parametrize(
    "image",
    [
        grid(np.where(box() == 1, 99, 0).astype(np.uint8)),
        grid(box()[1:]),
        grid(box(), spacing=(2.0, 2.0, 5.0)),
        grid(np.zeros_like(box())),
        grid(box().astype(np.float32) * np.float32(np.nan)),
    ],
    ids=["label outside the table", "other size", "other spacing", "empty", "not a number"],
)
def test_a_mask_with_other_labels_or_voxels_is_refused(entered, tmp_path, image):
    client, review = entered
    before = everything(review)
    assert client.decide(said=said_of(review, decision="corrected", mask=packed(image, tmp_path)))[0] == 422
    assert everything(review) == before


@pytest.mark.parametrize("which", ["image", "own_labels"])
def test_a_decision_about_files_that_have_changed_is_in_conflict(entered, which):
    client, review = entered
    said = said_of(review)
    path = getattr(review.cases[0], which)
    path.write_bytes(path.read_bytes() + b"\0")
    before = everything(review)
    assert client.decide(said=said)[0] == 409
    assert everything(review) == before


def test_a_correction_is_written_where_the_workflow_takes_it_and_the_own_mask_stays(entered, tmp_path):
    client, review = entered
    own = review.cases[0].own_labels.read_bytes()
    drawn = box()
    drawn[1, 2:4, 2:5] = 0
    said = said_of(
        review, decision="corrected", mask=packed(grid(drawn), tmp_path), comment="<script>alert(1)</script>"
    )
    assert client.decide(said=said)[0] == 200
    path = review.folder / "sub-P01_dseg.nii.gz"
    assert np.array_equal(array_of(read_image(path)), drawn) and review.cases[0].own_labels.read_bytes() == own
    (row,) = read_decisions(review.folder)
    assert (row.decision, row.corrected_sha256, row.minutes) == ("corrected", sha256(path), 1.5)
    told = json.loads(client.ask("GET", "/api/cases/1")[1])
    assert told["before"]["comment"] == "<script>alert(1)</script>", "as text, in JSON"
    assert b"<script>alert" not in client.ask("GET", "/")[1]
    assert client.decide(said=said_of(review))[0] == 200 and not path.exists(), (
        "an acceptance takes the correction back"
    )


def test_a_repeat_and_another_rater_overwrite_nothing(entered, tmp_path):
    client, review = entered
    first, again = box(), box()
    first[1, 2, 2:5], again[1, 3, 2:5] = 0, 0
    for number, drawn in (("1", first), ("3", again)):
        assert (
            client.decide(number, said=said_of(review, decision="corrected", mask=packed(grid(drawn), tmp_path)))[0]
            == 200
        )
    review.rater = "ben"
    assert client.decide("1", said=said_of(review, decision="corrected", mask=packed(grid(again), tmp_path)))[0] == 200
    taken = array_of(read_image(review.folder / "sub-P01_dseg.nii.gz"))
    assert np.array_equal(taken, first)
    found = sorted(path.relative_to(review.folder).as_posix() for path in review.folder.rglob("*.nii.gz"))
    assert found == ["readings/anna-2/sub-P01_dseg.nii.gz", "readings/ben-1/sub-P01_dseg.nii.gz", "sub-P01_dseg.nii.gz"]


def test_neither_name_nor_group_of_a_scan_is_told(entered):
    client, _ = entered
    told = client.ask("GET", "/api/cases")[1] + client.ask("GET", "/api/cases/1")[1] + client.ask("GET", "/")[1]
    assert b"P01" not in told and b"C01" not in told
    _, _, headers = client.ask("GET", "/api/cases/1/image.nii.gz")
    assert not [value for value in headers.values() if "P01" in value]


def test_every_answer_forbids_what_the_page_does_not_need(entered):
    client, _ = entered
    for path in ("/", "/api/cases", "/api/cases/99", "/static/review.js", "/api/cases/1/t2.nii.gz"):
        headers = client.ask("GET", path)[2]
        assert "default-src 'none'" in headers["content-security-policy"] and headers["cache-control"] == "no-store"
        assert (
            "unsafe-inline" not in headers["content-security-policy"]
            and "http" not in headers["content-security-policy"]
        )
        assert headers["x-content-type-options"] == "nosniff" and "access-control-allow-origin" not in headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_do_nothing(entered, method):
    client, review = entered
    before = everything(review)
    assert client.ask(method, "/api/cases/1/decision")[0] == 405
    assert everything(review) == before


def redrawn(*, row: int) -> np.ndarray:
    """The two boxes, less a part of the first."""
    drawn = box()
    drawn[1, row, 2:5] = 0
    return drawn


def correct(client, review, tmp_path, drawn: np.ndarray) -> str:
    said = said_of(review, decision="corrected", mask=packed(grid(drawn), tmp_path))
    assert client.decide("1", said=said)[0] == 200
    return read_decisions(review.folder)[-1].corrected_sha256


def test_a_consensus_takes_the_place_of_a_raters_mask_which_is_not_lost(entered, tmp_path):
    client, review = entered
    review.raters = ["consensus", "anna"]
    annas = correct(client, review, tmp_path, redrawn(row=2))
    review.rater = "consensus"
    agreed = correct(client, review, tmp_path, redrawn(row=3))
    taken, kept = review.folder / "sub-P01_dseg.nii.gz", review.folder / "readings/anna-1/sub-P01_dseg.nii.gz"
    assert (sha256(taken), sha256(kept)) == (agreed, annas) and agreed != annas
    review.rater = "anna"
    assert np.array_equal(labels_shown(client, tmp_path), redrawn(row=2)), "each goes on from the own mask"


def test_whose_mask_is_measured_follows_the_decision_that_counts(entered, tmp_path):
    client, review = entered
    annas = correct(client, review, tmp_path, redrawn(row=2))
    review.rater = "ben"
    bens = correct(client, review, tmp_path, redrawn(row=3))
    rows = read_decisions(review.folder)
    for raters, digest in ((None, annas), (["ben"], bens), (["ben", "anna"], bens)):
        counting = deciding(rows, raters)["sub-P01"]
        assert sha256(mask_that_counts(review.folder, "sub-P01", counting, rows)) == digest
    assert client.decide("1", said=said_of(review))[0] == 200
    rows = read_decisions(review.folder)
    assert mask_that_counts(review.folder, "sub-P01", deciding(rows, ["ben"])["sub-P01"], rows) is None, (
        "anna's is hers"
    )
    assert (review.folder / "sub-P01_dseg.nii.gz").is_file(), "ben's acceptance takes nothing of anna's back"


def labels_shown(client, tmp_path, number="1") -> np.ndarray:
    status, content, _ = client.ask("GET", f"/api/cases/{number}/labels.nii.gz")
    assert status == 200
    path = tmp_path.parent / "shown.nii.gz"
    path.write_bytes(content)
    return array_of(read_image(path))


def test_a_correction_on_the_grid_of_the_t2_map_opens_again_and_is_saved_on_that_grid(entered, tmp_path):
    client, review = entered
    shape, spacing = (2, 6, 5), (4.0, 4.0, 12.0)
    write_image(grid(np.full(shape, 40.0, np.float32), spacing=spacing), review.cases[0].t2_map)
    drawn = np.ones(shape, np.uint8)
    write_image(grid(drawn, spacing=spacing), review.folder / "sub-P01_dseg.nii.gz")
    told = json.loads(client.ask("GET", "/api/cases/1")[1])
    assert (told["grid"], told["correction"], told["problem"]) == ("T2", True, None)
    assert np.array_equal(labels_shown(client, tmp_path), drawn)
    drawn[0, 0] = 2
    mask = packed(grid(drawn, spacing=spacing), tmp_path)
    assert client.decide("1", said=said_of(review, decision="corrected", mask=mask))[0] == 200
    assert np.array_equal(array_of(read_image(review.folder / "sub-P01_dseg.nii.gz")), drawn)
    assert client.decide("1", said=said_of(review))[0] == 200
    told = json.loads(client.ask("GET", "/api/cases/1")[1])
    assert (told["grid"], told["correction"]) == ("labelled", False), "back to the run's own labels"


def test_a_correction_that_cannot_be_opened_is_told_and_the_runs_own_labels_are_not_shown_for_it(entered):
    client, review = entered
    write_image(grid(box()[1:]), review.folder / "sub-P01_dseg.nii.gz")
    told = json.loads(client.ask("GET", "/api/cases/1")[1])
    assert told["grid"] is None and told["correction"] and "10 x 12 x 3" in told["problem"]
    assert client.ask("GET", "/api/cases/1/labels.nii.gz")[0] == 422
    assert client.ask("GET", "/api/cases/1/own.nii.gz")[0] == 200
