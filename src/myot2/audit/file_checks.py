"""Whether every file is there and holds what was recorded, and whether anything lies there that nobody made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from myot2.audit.digests import Digests, Entry, listing_digest
from myot2.audit.findings import Finding, Kind
from myot2.audit.history import History
from myot2.audit.places import RESULTS

UNRECORDED = ("audit", "benchmarks", "logs")
"""Folders of the results that hold no results."""
_MARKS = (".snakemake_timestamp", "README.md", "ro-crate-metadata.json")


def check_outputs(history: History, digests: Digests) -> Iterator[Finding]:
    """Outputs that are missing, truncated, changed, or hold what was recorded of another file."""
    owners: dict[str, list[str]] = {}
    for name, entry in history.contents.items():
        owners.setdefault(entry["sha256"], []).append(name)
    for _, entry in sorted(history.contents.items()):
        for finding in compare(entry, digests):
            path = history.places.path(finding.path)
            others = owners.get(digests.of_file(path)[0], []) if path and path.is_file() else []
            if finding.kind in ("changed", "truncated") and others:
                finding = Finding("swapped", finding.path, f"holds what was recorded of {', '.join(others[:3])}")
            yield finding


def compare(entry: Entry, digests: Digests) -> Iterator[Finding]:
    """How a file or folder differs from what was recorded of it; nothing where it does not."""
    name, path = entry["path"], digests.places.path(entry["path"])
    if path is None:
        yield Finding("unknown place", name, "the folder audit/private does not say where it is")
    elif "files" in entry:
        yield from _compare_folder(entry, path, digests)
    elif not path.is_file():
        yield Finding("missing", _shown(name, path), "recorded, and no longer there")
    else:
        yield from _compare_file(_shown(name, path), [entry["sha256"], entry["size"]], path, digests)


def _compare_file(name: str, recorded: list, path: Path, digests: Digests) -> Iterator[Finding]:
    digest, size = digests.of_file(path)
    if digest == recorded[0]:
        return
    kind: Kind = "truncated" if size < recorded[1] and _ends_early(path) else "changed"
    yield Finding(kind, name, f"SHA-256 {digest[:12]}… ({size} bytes), recorded {recorded[0][:12]}… ({recorded[1]})")


def _compare_folder(entry: Entry, folder: Path, digests: Digests) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding("missing", _shown(entry["path"], folder), "recorded, and no longer there")
        return
    present = digests.listing(folder)
    if listing_digest(present) == entry["sha256"]:
        return
    recorded, shown = digests.kept_listing(entry), _shown(entry["path"], folder)
    if recorded is None:
        yield Finding("changed", shown, "its files are others than recorded, and their list is not kept here whole")
        return
    for name in sorted(recorded.keys() | present.keys()):
        if name not in present:
            yield Finding("missing", f"{shown}/{name}", "recorded, and no longer there")
        elif name not in recorded:
            yield Finding("added", f"{shown}/{name}", "was not there when the folder was recorded")
        else:
            yield from _compare_file(f"{shown}/{name}", recorded[name], folder / name, digests)


def check_orphans(history: History, unwanted: Mapping[str, str]) -> Iterator[Finding]:
    """Files of the results that no recorded job made, and those that nothing asks for any more (why, by name)."""
    results = history.places.results
    for path in sorted(results.rglob("*")):
        inside = path.relative_to(results)
        if inside.parts[0] in UNRECORDED or path.name in _MARKS or not (path.is_file() or path.is_symlink()):
            continue
        name = RESULTS + inside.as_posix()
        if history.maker(name) is None:
            around = (one for one in (name, *map(str, PurePosixPath(name).parents)) if one in unwanted)
            known = next(around, None)
            yield Finding("orphaned", name, unwanted[known] if known else "no recorded job made it")


def _shown(name: str, path: Path) -> str:
    """The name of a result; of what lies elsewhere the path, for whoever audits is at the site."""
    return name if not name.startswith("<outside>") else str(path)


def _ends_early(path: Path) -> bool:
    """Whether a file's content stops before its form says that it ends."""
    from myot2.audit.readable import fault_of

    fault = fault_of(path)
    return fault is not None and "ends too early" in fault
