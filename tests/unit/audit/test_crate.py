"""The run crate is valid by its profile's own validator, and holds what was recorded.

The validator fetches JSON-LD contexts from the network; here they are those that come with rocrate, with the two
addresses that RO-Crate 1.1 had otherwise.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import requests
import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

from myot2.audit.crate import About, pack, write_crate
from myot2.audit.ledger import merge

TERMS = "https://w3id.org/ro/terms/workflow-run"
OLDER = {name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")}


ABOUT = About("CC-BY-4.0", "9.27.1", "0.1.0", ("A. Reader", "Ü. Two"), ("A hospital", "https://hospital.example"))


@pytest.fixture
def written(run):
    """The run as a crate, after one of its jobs failed."""
    (run.project / "Snakefile").write_text("rule all:\n")

    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.do("panel", [], ["results/report/sub-A/anat/sub-A_panel.png"], fail, "sub-A")
    merge(run.audit)
    return write_crate(run.history(), ABOUT)


def entities(path: Path) -> dict[str, dict]:
    return {one["@id"]: one for one in json.loads(path.read_text())["@graph"]}


UNMET = {
    ("Application url", "./audit/workflow/Snakefile"),  # the workflow is in the crate, and at no address of its own
    ("SoftwareApplication id", None),  # nor are the programs of its rules; an address within the crate is theirs
}
"""What the profiles recommend and a crate of ours does not have: the name of the check, and where (None: at any)."""


def test_the_crate_is_a_valid_provenance_run_crate_and_lacks_little_that_is_recommended(written, monkeypatch):
    monkeypatch.setattr(HttpRequester, "get", staticmethod(_serve), raising=False)
    checked = validated(written, models.Severity.RECOMMENDED)
    lacking = {(issue.check.name, getattr(issue, "violatingEntity", None)) for issue in checked.get_issues()}
    assert lacking and {issue.severity for issue in checked.get_issues()} == {models.Severity.RECOMMENDED}
    assert not [one for one in lacking if one not in UNMET and (one[0], None) not in UNMET], lacking
    content = json.loads(written.read_text())
    alone = [one for one in content["@graph"] if one["@id"] != "https://hospital.example"]
    written.write_text(json.dumps(content | {"@graph": alone}))
    assert len(validated(written, models.Severity.RECOMMENDED).get_issues()) > len(checked.get_issues())
    broken = [one for one in content["@graph"] if one["@id"] != "#engine-run" and one["@type"] != "HowToStep"]
    written.write_text(json.dumps(content | {"@graph": broken}))
    assert not validated(written, models.Severity.REQUIRED).passed()


def validated(metadata: Path, severity: models.Severity) -> models.ValidationResult:
    """What the validator says of a crate."""
    return services.validate(
        services.ValidationSettings(
            rocrate_uri=str(metadata.parent), profile_identifier="provenance-run-crate", requirement_severity=severity
        )
    )


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


def test_a_packed_crate_holds_what_it_names_and_nothing_of_the_private_folder(written, run, tmp_path):
    (run.results / "mine.txt").write_text("of nobody's concern")
    count = pack(written, tmp_path / "crate.zip")
    with zipfile.ZipFile(tmp_path / "crate.zip") as packed:
        names = packed.namelist()
        assert packed.testzip() is None and len(names) == count == len(set(names))
        assert packed.read("ro-crate-metadata.json") == written.read_bytes()
    assert not [name for name in names if "private" in name or name == "mine.txt"]
    named = {address for address, entity in entities(written).items() if "File" in str(entity["@type"])}
    code = {f"audit/code/{path.name}" for path in (run.audit / "code").iterdir()}
    assert set(names) == named | code | {"ro-crate-metadata.json"}
    assert {"audit/ledger.jsonl", "audit/workflow/Snakefile", "README.md", "report/report.html"} <= set(names)
    first = (tmp_path / "crate.zip").read_bytes()
    pack(written, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == first


def test_the_packed_crate_is_a_valid_one_by_itself(written, tmp_path, monkeypatch):
    monkeypatch.setattr(HttpRequester, "get", staticmethod(_serve), raising=False)
    pack(written, tmp_path / "crate.zip")
    with zipfile.ZipFile(tmp_path / "crate.zip") as packed:
        packed.extractall(tmp_path / "elsewhere")
    checked = validated(tmp_path / "elsewhere/ro-crate-metadata.json", models.Severity.REQUIRED)
    assert checked.passed(), "\n".join(str(issue.message) for issue in checked.get_issues())


def test_a_readme_that_is_there_stays_as_it_is(run):
    (run.project / "Snakefile").write_text("rule all:\n")
    (run.results / "README.md").write_text("ours")
    write_crate(run.history(), ABOUT)
    assert (run.results / "README.md").read_text() == "ours"
