"""A run as a Workflow Run RO-Crate (profile Provenance Run Crate 0.5), made of the records.

The folder of the results becomes the crate: its metadata file is written there, and the workflow's own files are copied
below audit/workflow, so that nothing that the crate names lies outside of it. What came from outside of the results is
named by its pseudonym and SHA-256. The crate names no file of audit/private, and `pack` takes what it names alone.

Reference: Leo et al., Recording provenance of workflow runs with RO-Crate, PLoS ONE 2024, doi
10.1371/journal.pone.0309210; https://w3id.org/ro/wfrun/provenance/0.5.
"""

from __future__ import annotations

import json
import mimetypes
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from myot2.audit.digests import Entry, read_listing
from myot2.audit.history import DONE, History, stage_of
from myot2.audit.ledger import HEAD, LEDGER, Record
from myot2.audit.places import RESULTS
from myot2.audit.recording import CODE
from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic, write_text

METADATA = "ro-crate-metadata.json"
README = "README.md"
WORKFLOW = "audit/workflow"
PROFILES = {
    "process": ("Process Run Crate", "0.5"),
    "workflow": ("Workflow Run Crate", "0.5"),
    "provenance": ("Provenance Run Crate", "0.5"),
}
_PROFILE = "https://w3id.org/ro/wfrun/{name}/{version}"
_WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_ENGINE = "https://snakemake.github.io"
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_FORMATS = {
    ".nii.gz": "application/x-nifti",
    ".tsv": "text/tab-separated-values",
    ".py": "text/x-python",
    ".smk": "text/x-python",
    ".jsonl": "application/jsonl",
    ".sha256": "text/plain",
    ".tfm": "text/plain",
    "README": "text/plain",
    ".bidsignore": "text/plain",
    "Snakefile": "text/x-python",
    ".head": "application/json",
    ".md": "text/markdown",
}
_BOOKS = {
    LEDGER: "All records of the jobs, each line bound to the one before",
    HEAD: "How many lines the ledger has, and the hash of the last",
    "cohort.tsv": "How far each scan came, stage by stage",
    "cohort.json": "What the columns of cohort.tsv mean",
    "cohort.html": "The same table as a page, to which the report leads",
}
_PACKED_ALREADY = (".gz", ".png", ".pdf", ".npz")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_COPIED = ("Snakefile", "rules/*.smk", "scripts/*.py")


@dataclass(frozen=True)
class About:
    """What the records do not say of a crate.

    Attributes
    ----------
    licence : str
        The licence of the results, a URL or a sentence; the profile asks for one.
    engine_version, version : str
        The versions of Snakemake and of MyoT2.
    authors : tuple of str
        Who made the results, by name; empty: whoever ran the workflow.
    organisation : tuple of str or None
        Name and address on the web of the organisation that the authors belong to and that publishes the results.
    """

    licence: str
    engine_version: str
    version: str
    authors: tuple[str, ...] = ()
    organisation: tuple[str, str] | None = None


def write_crate(history: History, about: About) -> Path:
    """Write the crate of the run that made the present results; return its metadata file.

    Raises
    ------
    MyoT2Error
        No job is recorded.
    """
    if not history.makers:
        raise MyoT2Error(
            expected="a recorded run", found="no records", where=history.places.audit, do="Run the workflow first."
        )
    return _Crate(history, about).write()


def pack(metadata: Path, packed: Path) -> int:
    """Write a zip file of what a crate names, and of nothing else; return the number of files.

    Equal crates give equal bytes: files in order of their names, without times.
    """
    root = metadata.parent
    named = [entity["@id"] for entity in json.loads(metadata.read_text(encoding="utf-8"))["@graph"]]
    files = {metadata}
    for path in (root / name for name in named if name != "./" and not name.startswith(("#", "http"))):
        files |= {one for one in path.rglob("*") if one.is_file()} if path.is_dir() else {path} & set(_there(path))
    with atomic(packed) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), _FIRST_DAY)
            stored = file.suffix in _PACKED_ALREADY
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with open(file, "rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target)
    return len(files)


def _there(path: Path) -> list[Path]:
    return [path] if path.is_file() else []


class _Crate:
    """Entities of one crate, each added once."""

    def __init__(self, history: History, about: About):
        self.history, self.places, self.about = history, history.places, about
        self.crate = ROCrate(version="1.1")  # the profile's
        self.known: dict[str, Any] = {}
        jobs = {record["job"]: record for record in history.makers.values()}
        self.jobs = sorted(jobs.values(), key=lambda record: (record["started"], record["job"]))
        self._describe()
        self.workflow = self._workflow()
        engine = self._context(
            _ENGINE, "SoftwareApplication", name="Snakemake", url=_ENGINE, softwareVersion=about.engine_version
        )
        self._run(engine)
        for name, description in _BOOKS.items():
            if (self.places.audit / name).is_file():
                self._file(f"audit/{name}", {"description": description})
        if (self.places.audit / CODE).is_dir():
            told = {"name": "Code", "description": "For each digest of code, a softwareVersion, its files' SHA-256"}
            self.crate.add_dataset(self.places.audit / CODE, f"audit/{CODE}/", properties=told)

    def write(self) -> Path:
        self.crate.metadata.write(self.places.results)
        return self.places.results / METADATA

    def _describe(self) -> None:
        root = self.crate.root_dataset
        self.crate.metadata.extra_contexts.append(_TERMS)
        self.crate.name = "MyoT2 results"
        self.crate.description = "Muscle T2 values, statistics and a report, and the record of every job that made them"
        root["datePublished"] = _second(max(record["ended"] for record in self.jobs))
        profiles = [(_PROFILE.format(name=name, version=profile[1]), *profile) for name, profile in PROFILES.items()]
        profiles.append((_WORKFLOW_CRATE, "Workflow RO-Crate", "1.0"))
        root["conformsTo"] = [
            self._context(address, "CreativeWork", name=name, version=version) for address, name, version in profiles
        ]
        licence, organisation = self.about.licence, self.about.organisation
        address = licence if licence.startswith("http") else "#licence"
        root["license"] = self._context(address, "CreativeWork", name=licence)
        authors = [self._context(f"#author-{quote(name)}", "Person", name=name) for name in self.about.authors]
        authors = authors or [self._actor(record) for record in self.jobs]
        root["author"] = _one_or_all(authors)
        if organisation:
            name, url = organisation
            root["publisher"] = self._context(url, "Organization", name=name, url=url)
            for author in authors:
                author["affiliation"] = root["publisher"]
        readme = self.places.results / README
        if not readme.exists():
            write_text(readme, _README)
        self._file(README, {"about": {"@id": "./"}})

    def _workflow(self) -> Any:
        """The main workflow, copied into the crate with its rules and programs."""
        target = self.places.results / WORKFLOW
        for pattern in _COPIED:
            for path in sorted(self.places.project.glob(pattern)):
                copy = target / path.relative_to(self.places.project)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        main = self.crate.add_workflow(
            target / "Snakefile",
            f"{WORKFLOW}/Snakefile",
            properties={
                "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
                "name": "MyoT2",
                "version": self.about.version,
                "encodingFormat": _format_of("Snakefile"),
            },
            main=True,
            lang="snakemake",
            lang_version=self.about.engine_version,
        )
        main["conformsTo"] = self._context(
            _BIOSCHEMAS, "CreativeWork", name="Bioschemas ComputationalWorkflow", version="1.0-RELEASE"
        )
        for path in sorted(target.rglob("*")):
            if path.is_file() and path.name != "Snakefile":
                self._file(path.relative_to(self.places.results).as_posix(), {})
        return main

    def _run(self, engine: Any) -> None:
        """The run: an action of the workflow, one of the engine, and for each job its tool's action and its control."""
        controls, tools, steps = [], [], []
        for record in self.jobs + [one for one in self.history.unfinished if one["state"] != "started"]:
            tool, step = self._tool(record), self._step(record, len(steps) + 1)
            tools, steps = _with(tools, tool), _with(steps, step)
            action = self._action(record, tool)
            control = self._context(f"#control-{record['job']}", "ControlAction", name=f"control of {record['rule']}")
            control["instrument"], control["object"] = step, action
            controls.append(control)
        self.workflow["hasPart"] = _one_or_all(tools)
        self.workflow["step"] = _one_or_all(steps)
        told = {"description": f"All {len(self.jobs)} jobs that made these results"}
        whole = self._context("#run", "CreateAction", name="Run of the workflow", **told, **self._times(self.jobs))
        whole["instrument"] = self.workflow
        made = self.history.contents.keys()
        used = {entry["path"] for record in self.jobs for entry in record["inputs"]}
        whole["object"] = _one_or_all(self._data(entry) for entry in self._given())
        whole["result"] = _one_or_all(self._data(self.history.contents[name]) for name in sorted(made - used))
        whole["agent"] = self._actor(self.jobs[-1])
        organised = self._context("#engine-run", "OrganizeAction", name="Snakemake's run", **self._times(self.jobs))
        organised["instrument"], organised["result"], organised["object"] = engine, whole, _one_or_all(controls)
        organised["agent"] = whole["agent"]
        self.crate.root_dataset["mentions"] = [whole, *(control["object"] for control in controls)]

    def _given(self) -> list[Entry]:
        """Inputs that no job made, each once."""
        given = {}
        for record in self.jobs:
            for entry in record["inputs"]:
                if not self.history.maker(entry["path"]):
                    given[entry["path"]] = entry
        return [given[name] for name in sorted(given)]

    def _action(self, record: Record, tool: Any) -> Any:
        done = record["state"] in DONE
        about = " ".join(record["wildcards"].values())
        action = self._context(
            f"#job-{record['job']}",
            "CreateAction",
            name=f"{record['rule']} {about}".strip(),
            description=f"Rule {record['rule']} of stage {stage_of(record)}{f', about {about}' if about else ''}",
            actionStatus=f"http://schema.org/{'Completed' if done else 'Failed'}ActionStatus",
            **({} if done else {"error": f"{record['state']} with status {record['exit']}"}),
            **self._times([record]),
        )
        action["instrument"], action["agent"] = tool, self._actor(record)
        used = [
            *(self._data(entry) for entry in record["inputs"]),
            *(
                self._context(
                    f"#parameter-{record['job']}-{name}",
                    "PropertyValue",
                    name=name,
                    value=value if isinstance(value, str) else json.dumps(value),
                )
                for name, value in record["params"].items()
            ),
        ]
        action["object"] = _one_or_all(used)
        action["result"] = _one_or_all(self._data(entry) for entry in record["outputs"])
        return action

    def _tool(self, record: Record) -> Any:
        tool = self._context(f"#tool-{record['rule']}", "SoftwareApplication", name=record["rule"])
        tool["softwareVersion"] = record["code"]
        code = read_listing(self.places.audit / CODE / f"{record['code']}.json") or {}
        scripts = [f"{WORKFLOW}/{name}" for name in code if name.startswith("scripts/")]
        if scripts and (self.places.results / scripts[0]).is_file():
            tool["hasPart"] = _one_or_all(self._file(name, {}) for name in scripts)
        tool["url"] = tool.get("hasPart") if len(scripts) == 1 else self.workflow
        return tool

    def _step(self, record: Record, position: int) -> Any:
        address = f"{WORKFLOW}/Snakefile#{record['rule']}"
        step = self._context(address, "HowToStep", name=record["rule"], position=str(position))
        step["workExample"] = self._tool(record)
        return step

    def _actor(self, record: Record) -> Any:
        return self._context(f"#actor-{quote(record['actor'])}", "Person", name=record["actor"])

    def _times(self, records: Iterable[Record]) -> dict[str, str]:
        records = list(records)
        return {
            "startTime": _second(min(record["started"] for record in records)),
            "endTime": _second(max(record["ended"] for record in records)),
        }

    def _data(self, entry: Entry) -> Any:
        """A file or folder of the results as data of the crate; anything else by its name and SHA-256."""
        name = entry["path"]
        digest = {"sha256": entry["sha256"], "contentSize": str(entry["size"])} if "sha256" in entry else {}
        inside, path = name.removeprefix(RESULTS), self.places.path(name)
        if name.startswith(RESULTS) and path is not None and path.is_file():
            return self._file(inside, digest)
        if name.startswith(RESULTS) and path is not None and path.is_dir():
            return self._once(f"{inside}/", lambda: self.crate.add_dataset(path, f"{inside}/", properties=digest))
        kind = "Dataset" if "files" in entry else "CreativeWork"
        return self._context(f"#{name.replace('<', '').replace('>', '')}", kind, name=name, **digest)

    def _file(self, inside: str, properties: dict[str, str]) -> Any:
        source = self.places.results / inside
        described = {"encodingFormat": _format_of(inside), **properties}
        return self._once(inside, lambda: self.crate.add_file(source, inside, properties=described))

    def _context(self, address: str, kind: str, **properties: Any) -> Any:
        return self._once(
            address,
            lambda: self.crate.add(ContextEntity(self.crate, address, properties={"@type": kind, **properties})),
        )

    def _once(self, address: str, make: Any) -> Any:
        if address not in self.known:
            self.known[address] = make()
        return self.known[address]


def _second(time: str) -> str:
    """A time as the profile asks for it, to the second."""
    return datetime.fromisoformat(time).replace(microsecond=0).isoformat()


def _format_of(name: str) -> str:
    """The media type of a file, by its name."""
    known = next((kind for end, kind in _FORMATS.items() if name.endswith(end)), None)
    return known or mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"


def _with(entities: list[Any], entity: Any) -> list[Any]:
    return entities if any(one is entity for one in entities) else [*entities, entity]


def _one_or_all(entities: Iterable[Any]) -> Any:
    """Entities, each once, as a crate refers to them: one by itself, several as a list."""
    listed = list({id(entity): entity for entity in entities}.values())
    return listed[0] if len(listed) == 1 else listed


_README = """# Results of MyoT2

Muscle T2 values of a cohort, statistics and a report, with the record of every job that made them.

- `report/report.html`: begin here.
- `ro-crate-metadata.json`: these files as a Workflow Run RO-Crate: what each is, and by which job it was made of which.
- `audit/ledger.jsonl`: the records, each line bound to the one before by SHA-256.
- `audit/workflow`: the workflow.

Files named `#outside/...` in the metadata stayed where they were examined.
"""
