"""A run as a Workflow Run RO-Crate (profile Provenance Run Crate 0.5), made of the records.

The folder of the results becomes the crate: its metadata file is written there, and the workflow's own files are copied
below audit/workflow, so that nothing that the crate names lies outside of it. What came from outside of the results is
named by its pseudonym and SHA-256.

Reference: Leo et al., Recording provenance of workflow runs with RO-Crate, PLoS ONE 2024, doi
10.1371/journal.pone.0309210; https://w3id.org/ro/wfrun/provenance/0.5.
"""

from __future__ import annotations

import json
import mimetypes
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from myot2.audit.digests import Entry
from myot2.audit.history import DONE, History
from myot2.audit.ledger import Record
from myot2.audit.places import RESULTS
from myot2.audit.recording import CODE
from myot2.core.errors import MyoT2Error

METADATA = "ro-crate-metadata.json"
WORKFLOW = "audit/workflow"
PROFILES = {
    "process": ("Process Run Crate", "0.5"),
    "workflow": ("Workflow Run Crate", "0.5"),
    "provenance": ("Provenance Run Crate", "0.5"),
}
_PROFILE = "https://w3id.org/ro/wfrun/{name}/{version}"
_WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
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
}
_COPIED = ("Snakefile", "rules/*.smk", "scripts/*.py")


def write_crate(history: History, *, licence: str, engine_version: str) -> Path:
    """Write the crate of the run that made the present results; return its metadata file.

    Parameters
    ----------
    history : History
        What was recorded.
    licence : str
        The licence of the results, a URL or a sentence; the profile asks for one.
    engine_version : str
        The version of Snakemake.

    Raises
    ------
    MyoT2Error
        No job is recorded.
    """
    if not history.makers:
        raise MyoT2Error(
            expected="a recorded run", found="no records", where=history.places.audit, do="Run the workflow first."
        )
    crate = _Crate(history, licence, engine_version)
    return crate.write()


class _Crate:
    """Entities of one crate, each added once."""

    def __init__(self, history: History, licence: str, engine_version: str):
        self.history, self.places = history, history.places
        self.crate = ROCrate(version="1.1")  # the profile's
        self.known: dict[str, Any] = {}
        jobs = {record["job"]: record for record in history.makers.values()}
        self.jobs = sorted(jobs.values(), key=lambda record: (record["started"], record["job"]))
        self._describe(licence)
        self.workflow = self._workflow(engine_version)
        self._run(self._context("#snakemake", "SoftwareApplication", name="Snakemake", softwareVersion=engine_version))

    def write(self) -> Path:
        self.crate.metadata.write(self.places.results)
        return self.places.results / METADATA

    def _describe(self, licence: str) -> None:
        root = self.crate.root_dataset
        self.crate.metadata.extra_contexts.append(_TERMS)
        self.crate.name = "MyoT2 results"
        self.crate.description = "Muscle T2 values, statistics and a report, and the record of every job that made them"
        self.crate.license = licence
        root["datePublished"] = _second(max(record["ended"] for record in self.jobs))
        profiles = [(_PROFILE.format(name=name, version=profile[1]), *profile) for name, profile in PROFILES.items()]
        profiles.append((_WORKFLOW_CRATE, "Workflow RO-Crate", "1.0"))
        root["conformsTo"] = [
            self._context(address, "CreativeWork", name=name, version=version) for address, name, version in profiles
        ]

    def _workflow(self, engine_version: str) -> Any:
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
            properties={"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"], "name": "MyoT2"},
            main=True,
            lang="snakemake",
            lang_version=engine_version,
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
        self.workflow["hasPart"] = tools
        self.workflow["step"] = steps
        whole = self._context("#run", "CreateAction", name="Run of the workflow", **self._times(self.jobs))
        whole["instrument"] = self.workflow
        made = self.history.contents.keys()
        used = {entry["path"] for record in self.jobs for entry in record["inputs"]}
        whole["object"] = [self._data(entry) for entry in self._given()]
        whole["result"] = [self._data(self.history.contents[name]) for name in sorted(made - used)]
        whole["agent"] = self._actor(self.jobs[-1])
        organised = self._context("#engine-run", "OrganizeAction", name="Snakemake's run", **self._times(self.jobs))
        organised["instrument"], organised["result"], organised["object"] = engine, whole, controls
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
        action = self._context(
            f"#job-{record['job']}",
            "CreateAction",
            name=f"{record['rule']} {' '.join(record['wildcards'].values())}".strip(),
            actionStatus=f"http://schema.org/{'Completed' if done else 'Failed'}ActionStatus",
            **({} if done else {"error": f"{record['state']} with status {record['exit']}"}),
            **self._times([record]),
        )
        action["instrument"], action["agent"] = tool, self._actor(record)
        action["object"] = [
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
        action["result"] = [self._data(entry) for entry in record["outputs"]]
        return action

    def _tool(self, record: Record) -> Any:
        tool = self._context(f"#tool-{record['rule']}", "SoftwareApplication", name=record["rule"])
        tool["softwareVersion"] = record["code"]
        listing = self.places.audit / CODE / f"{record['code']}.json"
        code = json.loads(listing.read_text(encoding="utf-8")) if listing.is_file() else {}
        scripts = [f"{WORKFLOW}/{name}" for name in code if name.startswith("scripts/")]
        if scripts and (self.places.results / scripts[0]).is_file():
            tool["hasPart"] = [self._file(name, {}) for name in scripts]
        return tool

    def _step(self, record: Record, position: int) -> Any:
        address = f"{WORKFLOW}/Snakefile#{record['rule']}"
        step = self._context(address, "HowToStep", name=record["rule"], position=str(position))
        step["workExample"] = self._tool(record)
        return step

    def _actor(self, record: Record) -> Any:
        return self._context(f"#actor-{record['actor']}", "Person", name=record["actor"])

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
