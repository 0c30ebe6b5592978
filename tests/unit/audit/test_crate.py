"""The run crate is valid by its profile's own validator, and holds what was recorded.

The validator fetches JSON-LD contexts from the network; here they are those that come with rocrate, with the two
addresses that RO-Crate 1.1 had otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

from myot2.audit.crate import write_crate
from myot2.audit.ledger import merge

TERMS = "https://w3id.org/ro/terms/workflow-run"
OLDER = {name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")}


@pytest.fixture
def written(run):
    """The run as a crate, after one of its jobs failed."""
    (run.project / "Snakefile").write_text("rule all:\n")

    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.do("panel", [], ["results/report/sub-A/anat/sub-A_panel.png"], fail, "sub-A")
    merge(run.audit)
    return write_crate(run.history(), licence="CC-BY-4.0", engine_version="9.27.1")


def entities(path: Path) -> dict[str, dict]:
    return {one["@id"]: one for one in json.loads(path.read_text())["@graph"]}


def test_the_crate_is_a_valid_provenance_run_crate(written, monkeypatch):
    monkeypatch.setattr(HttpRequester, "get", staticmethod(_serve), raising=False)
    checked = services.validate(
        services.ValidationSettings(
            rocrate_uri=str(written.parent),
            profile_identifier="provenance-run-crate",
            requirement_severity=models.Severity.REQUIRED,
        )
    )
    assert checked.passed(), "\n".join(str(issue.message) for issue in checked.get_issues())
    broken = json.loads(written.read_text())
    broken["@graph"] = [one for one in broken["@graph"] if one["@id"] != "#engine-run" and one["@type"] != "HowToStep"]
    written.write_text(json.dumps(broken))
    assert not services.validate(checked.context.settings).passed()


def _serve(address: str, **_):
    answer = requests.Response()
    if address == "https://w3id.org/ro/crate/1.1/context":
        context = json.loads((Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_text())["@context"] | OLDER
    elif address.startswith(TERMS):
        context = {name: f"{TERMS}#{name}" for name in ("sha256", "connection", "resourceUsage", "ParameterConnection")}
    else:
        raise requests.ConnectionError(address)
    answer.status_code, answer.url = 200, address
    answer.headers["Content-Type"] = "application/ld+json"
    answer._content = json.dumps({"@context": context}).encode()
    return answer


def test_each_job_is_an_action_with_its_tool_inputs_and_outputs(written, run):
    found = entities(written)
    for record in run.history().records:
        action = found[f"#job-{record['job']}"]
        assert action["instrument"] == {"@id": f"#tool-{record['rule']}"}
        assert action["actionStatus"].endswith(
            "FailedActionStatus" if record["rule"] == "panel" else "CompletedActionStatus"
        )
    t2 = found["fit/sub-A/anat/sub-A_T2map.nii.gz"]
    assert t2["sha256"] == run.history().contents["<results>/fit/sub-A/anat/sub-A_T2map.nii.gz"]["sha256"]


def test_nothing_that_the_crate_names_lies_outside_or_tells_a_path(written, run):
    text = written.read_text()
    assert "Doe" not in text and str(run.project) not in text
    for address, entity in entities(written).items():
        if entity["@type"] in ("File", "Dataset") and not address.startswith("#"):
            assert (run.results / address).exists(), address


def test_the_crate_s_own_files_are_no_orphans(written, run):
    assert {finding.kind for finding in run.verify()} == {"unfinished"}
