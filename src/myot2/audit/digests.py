"""Digests of files and folders, each file read once as long as it stays as it is."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from myot2.audit.places import OUTSIDE, Places
from myot2.core.files import read_json, sha256, write_json

_MARKS = (".snakemake_timestamp",)
"""What Snakemake leaves in a folder that a job made."""

Entry = dict[str, Any]

_WRITING = threading.Lock()


class Digests:
    """SHA-256 of files and folders under the names of records.

    A file is read again only when its size, times or place on the disk have changed. That is right within one process;
    the audit starts with an empty memory and reads everything.
    """

    def __init__(self, places: Places):
        self.places = places
        self._known: dict[tuple[Any, ...], str] = {}

    def of_file(self, path: Path) -> tuple[str, int]:
        """The SHA-256 and the size in bytes of a file."""
        stat = os.stat(path)
        key = (os.path.abspath(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if key not in self._known:
            self._known[key] = sha256(path)
        return self._known[key], stat.st_size

    def listing(self, folder: Path) -> dict[str, list[Any]]:
        """SHA-256 and size of every file below a folder, by its path in it, sorted."""
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in _MARKS)
        return {path.relative_to(folder).as_posix(): list(self.of_file(path)) for path in files}

    def entry(self, path: str | Path) -> Entry:
        """What a record says of an input or output: its name, SHA-256 and size, or that it is missing.

        A folder's SHA-256 is that of its listing, which is kept once under this digest: beside the records, or in the
        private folder where the folder is none of the results.
        """
        name, full = self.places.name(path), self.places.project / path
        if full.is_dir():
            listing = self.listing(full)
            digest = listing_digest(listing)
            self._keep(name, digest, listing)
            size = sum(size for _, size in listing.values())
            return {"path": name, "sha256": digest, "size": size, "files": len(listing)}
        if not full.is_file():
            return {"path": name, "missing": True}
        digest, size = self.of_file(full)
        return {"path": name, "sha256": digest, "size": size}

    def kept_listing(self, entry: Entry) -> dict[str, list[Any]] | None:
        """The listing of a folder as it was recorded; None where it is not kept here, or was changed."""
        return read_listing(self.listing_path(entry["path"], entry["sha256"]))

    def _keep(self, name: str, digest: str, listing: dict[str, list[Any]]) -> None:
        write_once(self.listing_path(name, digest), listing)

    def listing_path(self, name: str, digest: str) -> Path:
        """Where the listing of a folder is kept."""
        root = self.places.private if name.startswith(OUTSIDE) else self.places.audit
        return root / "folders" / f"{digest}.json"


def write_once(path: Path, content: Entry) -> None:
    """Write a file whose name is a digest of its content, unless it is there whole; jobs of one process take turns."""
    with _WRITING:
        if read_listing(path) is None:
            write_json(path, content)


def listing_digest(listing: dict[str, Any]) -> str:
    """The SHA-256 of a listing's canonical JSON."""
    return hashlib.sha256(canonical(listing)).hexdigest()


def read_listing(path: Path) -> dict[str, Any] | None:
    """A listing that is named after its digest; None where it is missing, or is not what its name says."""
    content = read_json(path)
    try:
        return content if isinstance(content, dict) and listing_digest(content) == path.stem else None
    except ValueError:  # JSON of other programs: NaN, or half of a character
        return None


def canonical(content: Any) -> bytes:
    """JSON of one form: keys sorted, no blanks, UTF-8, no NaN."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")
