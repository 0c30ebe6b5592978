"""The workflow on a real SLURM: jobs that are cancelled and nodes that are lost change nothing of the results."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Project, copy_of

pytestmark = pytest.mark.workflow

PEOPLE = ("P01", "C01")
SEAL = "results/pair/audit/results.sha256"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
ON_SLURM = [
    *("--profile", "profiles/slurm"),
    *("--default-resources", "slurm_partition=main"),
    *("--slurm-init-seconds-before-status-checks", "5"),
]


@dataclass(frozen=True)
class Cluster:
    """A SLURM of one node, which scripts/start_slurm.sh has started."""

    folder: Path
    scripts: Path

    def start(self) -> None:
        """Start what does not run."""
        command = [self.scripts / "start_slurm.sh", self.folder]
        run = subprocess.run(command, env=self.environment(), capture_output=True, text=True)
        if run.returncode in (3, 4):
            pytest.skip(run.stderr.strip())
        assert run.returncode == 0, run.stderr

    def stop(self) -> None:
        """Stop its daemons and jobs."""
        subprocess.run([self.scripts / "stop_slurm.sh", self.folder], check=True)

    def environment(self) -> dict[str, str]:
        """By which its programs find it; coverage is not measured in jobs."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
        return {**kept, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def ask(self, *command: str) -> str:
        """Run one of its programs; return what it printed."""
        run = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=True)
        return run.stdout.strip()

    def processes(self) -> list[str]:
        """The command lines of the processes of its jobs, those of a lost node included."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                told = (process / "environ").read_bytes().split(b"\0")
                if f"SLURM_CONF={self.folder}/slurm.conf".encode() in told and any(
                    variable.startswith(b"SLURM_JOB_ID=") for variable in told
                ):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def kill_daemon(self, name: str) -> None:
        """Take away one of its daemons, as a crash does."""
        os.kill(int((self.folder / f"{name}.pid").read_text()), signal.SIGKILL)

    def job_at_work(self, project: Project, rule: str, seconds: float = 600) -> str:
        """The number of a job of a rule, once its record says that its own program has been started."""
        records = project.folder / "results/pair/audit/records"
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            started = {record["wildcards"]["scan"] for record in read_records(records, rule, "started")}
            jobs = self.ask("squeue", "--noheader", "--states=RUNNING", "--format=%i %k").splitlines()
            for number, comment in (line.split(maxsplit=1) for line in jobs):
                whose = comment.partition(f"rule_{rule}_wildcards_")[2]
                if whose and any(whose.endswith(scan) for scan in started):
                    return number
            time.sleep(0.2)
        raise AssertionError(f"no job of {rule} ran within {seconds} s: {self.ask('squeue', '--format=%i %T %k')}")


def read_records(folder: Path, rule: str, state: str) -> list[dict]:
    """The records of a rule's jobs in a state."""
    records = [json.loads(path.read_text()) for path in sorted(folder.glob(f"*-{rule}-*.json"))]
    return [record for record in records if record["state"] == state]


@pytest.fixture(scope="module")
def cluster(root, tmp_path_factory) -> Iterator[Cluster]:
    """A cluster that nothing is left of."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    if missing:
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)} (Debian packages slurm-wlm and munge)")
    if os.getuid() != 0:
        pytest.skip("SLURM's daemons are started as root")
    cluster = Cluster(tmp_path_factory.mktemp("slurm") / "cluster", root / "scripts")
    try:
        cluster.start()
        yield cluster
    finally:
        if cluster.folder.exists():
            cluster.stop()
            assert cluster.processes() == []


@pytest.fixture(scope="module")
def pair(root, tmp_path_factory) -> tuple[Project, Project, str]:
    """Two copies of the project in two places, and the configuration of two people that both have."""
    header, *rows = (root / "config/demo/participants.tsv").read_text().splitlines()
    kept = [row.replace("results/demo/", "results/pair/") for row in rows if row.split("\t")[0] in PEOPLE]
    folder = tmp_path_factory.mktemp("pair")
    both = [copy_of(root, folder / name) for name in ("here", "cluster")]
    content = {"simulate": {"preset": "demo", "seed": 20230}}
    configurations = {one.configure("pair", content, "\n".join([header, *kept, ""])) for one in both}
    return *both, configurations.pop()


@contextlib.contextmanager
def running(project: Project, cluster: Cluster, configuration: str, *options: str) -> Iterator[subprocess.Popen]:
    """A run under way on the cluster; what it prints goes to run.log."""
    environment = {**cluster.environment(), **project.environment(), "SLURM_CONF": str(cluster.folder / "slurm.conf")}
    command = [sys.executable, "-m", "snakemake", SEAL, *ON_SLURM, *options, "--configfile", configuration]
    with open(project.folder / "run.log", "w") as log:
        run = subprocess.Popen(command, cwd=project.folder, env=environment, stdout=log, stderr=log)
        try:
            yield run
        finally:
            if run.poll() is None:
                run.kill()
                run.wait()


def verify(project: Project, configuration: str) -> str:
    """What the audit finds."""
    command = [sys.executable, "scripts/audit.py", "--configfile", configuration, "verify", "--no-table"]
    run = subprocess.run(command, cwd=project.folder, env=project.environment(), capture_output=True, text=True)
    return run.stdout


def test_a_cancelled_job_and_a_lost_node_leave_the_same_results_as_a_run_on_one_machine(cluster, pair):
    here, there, configuration = pair
    log = there.folder / "run.log"

    # without a further attempt the cancelled job is missing, and nothing of the rest
    with running(there, cluster, configuration, "--retries", "0", "--until", "ingest") as run:
        cluster.ask("scancel", cluster.job_at_work(there, "simulate"))
        assert run.wait(timeout=600) == 1, log.read_text()
    assert "CANCELLED" in log.read_text()
    assert len(list(there.folder.glob("results/pair/ingest/sub-*/anat/*_T2map.nii.gz"))) == 1
    assert "unfinished: <results>/simulate/sub-" in verify(there, configuration)

    # the daemon of the node dies and leaves a job's processes to themselves; then the node comes back
    with running(there, cluster, configuration) as run:
        lost = cluster.job_at_work(there, "segment")
        node = cluster.ask("squeue", "--noheader", "--jobs", lost, "--format=%N")
        cluster.kill_daemon("slurmd")
        cluster.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        cluster.ask("scontrol", "update", f"nodename={node}", "state=resume")
        cluster.start()
        assert run.wait(timeout=900) == 0, log.read_text()
    assert "NODE_FAIL" in log.read_text()

    here.snakemake(configuration, SEAL)
    assert (there.folder / SEAL).read_bytes() == (here.folder / SEAL).read_bytes()
    ledger = (there.folder / "results/pair/audit/ledger.jsonl").read_text().splitlines()
    states = [json.loads(line)["record"]["state"] for line in ledger]
    assert states.count("ended") < len(states)
    assert verify(there, configuration).startswith("Nothing is wrong."), verify(there, configuration)


def test_a_whole_run_is_one_job_held_to_the_cores_and_memory_that_slurm_gave(cluster, pair):
    _, there, configuration = pair
    target = "results/pair/report/configuration.json"
    log = there.folder / "one.log"
    given = {"MYOT2_PYTHON": sys.executable, "SLURM_CONF": str(cluster.folder / "slurm.conf")}
    asked = ["--wait", "--cpus-per-task=1", "--mem=2000", "--time=10", f"--output={log}"]
    script = ["profiles/slurm/one-node.sbatch", target, "--force", "--nolock", "--configfile", configuration]
    run = subprocess.run(["sbatch", *asked, *script], cwd=there.folder, env={**there.environment(), **given})
    assert run.returncode == 0, log.read_text()
    assert "1 job to do; at once 1 core, mem_mb 2000\n" in log.read_text()
