"""Whether results still belong to what they were made of: inputs, code, packages, configuration, seal and report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from myot2.audit.digests import Digests, read_listing
from myot2.audit.file_checks import compare
from myot2.audit.findings import Finding
from myot2.audit.history import History
from myot2.audit.ledger import Record
from myot2.audit.recording import CODE, LOCK_FILE
from myot2.audit.seal import SEAL, read_seal
from myot2.core.errors import MyoT2Error
from myot2.core.files import read_json, sha256

CONFIGURATION = "report/configuration.json"
REPORT = "report/report.html"


def check_inputs(history: History, digests: Digests, *, given: bool = True) -> Iterator[Finding]:
    """Results whose inputs, code or packages are others now than when they were made; and inputs that are damaged.

    Without `given` no input is read that comes from outside of the run: it is not looked for what happened to those.
    """
    reported: set[str] = set()
    code_reasons: dict[tuple[str, str | None], list[str]] = {}
    for record in _current(history):
        reasons = []
        for entry in record["inputs"]:
            now = history.contents.get(entry["path"])
            if entry.get("ancient") or entry.get("missing"):
                continue
            if now is None:
                for finding in compare(entry, digests) if given else ():
                    if str(finding) not in reported:
                        reported.add(str(finding))
                        yield finding
                    reasons.append(f"{finding.path} is {finding.kind}")
            elif now["sha256"] != entry["sha256"]:
                reasons.append(f"{entry['path']} was made anew")
        of_code = record["code"], record["lock"]
        if of_code not in code_reasons:
            code_reasons[of_code] = _code_reasons(history, record, digests)
        reasons += code_reasons[of_code]
        if reasons:
            more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
            yield Finding("stale", record["outputs"][0]["path"], "; ".join(reasons[:3]) + more)


def _current(history: History) -> list[Record]:
    """The jobs that made what is there, each once, by the name of the first file."""
    return list({record["job"]: record for _, record in sorted(history.makers.items())}.values())


def _code_reasons(history: History, record: Record, digests: Digests) -> list[str]:
    places = history.places
    listed = read_listing(places.audit / CODE / f"{record['code']}.json")
    if listed is None:
        return [f"{CODE}/{record['code']}.json, which lists its code, is missing or was changed"]
    reasons = []
    for name, digest in (listed | ({LOCK_FILE: record["lock"]} if record["lock"] else {})).items():
        path = places.project / name
        if not path.is_file() or digests.of_file(path)[0] != digest:
            reasons.append(f"{name} {'has changed' if path.is_file() else 'is gone'}")
    return reasons


def check_configuration(history: History, settings: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Settings that are others than those of the run."""
    path = history.places.results / CONFIGURATION
    of_run = read_json(path)
    if settings is None or of_run is None:
        return  # what is damaged is told as unreadable
    for key, was, now in _differences(of_run, settings):
        yield Finding("parameter", key, f"{json.dumps(now)} in the configuration, {json.dumps(was)} when it was run")


def _differences(one: Any, other: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in dict.fromkeys([*one, *other]):
            yield from _differences(one.get(name), other.get(name), f"{key}.{name}" if key else name)
    elif one != other:
        yield key, one, other


def check_seal(history: History) -> Iterator[Finding]:
    """Whether the seal names the results as they are, and the report the seal."""
    results = history.places.results
    path, report = results / "audit" / SEAL, results / REPORT
    if not path.is_file():
        return  # told as missing where a job made it
    try:
        sealed = read_seal(path)
    except MyoT2Error as error:
        yield Finding("seal", SEAL, f"expected {error.expected}, found {error.found}")
        return
    wrong = [name for name, digest in sealed.items() if not _holds(results / name, digest)]
    if wrong:
        yield Finding("seal", SEAL, f"no longer true of {len(wrong)} files, the first is {wrong[0]}")
    if report.is_file() and sha256(path) not in report.read_text(encoding="utf-8", errors="replace"):
        yield Finding("seal", REPORT, f"its footer does not name the SHA-256 of {SEAL} ({sha256(path)[:12]}…)")


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest
