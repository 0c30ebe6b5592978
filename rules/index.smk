"""A workflow of its own, before all others: from any tree of DICOM files to the tables that a cohort begins with.

Every other part of the workflow needs the participants table, which this one proposes. `make index DICOM=TREE` runs it.

REQUIRED INPUTS:
    dicom = a folder with DICOM files of any number of people (--config dicom=TREE)

OUTPUTS:
    <results>/participants.tsv   one row per person and visit; a person fills in group and what else is known
    <results>/series.tsv         one row per series: role, evidence, whether it is taken and why; a person may edit it
    the key for pseudonyms (--config key=FILE), where there is none
"""

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from myot2.core.jobs import prepare_environment
from myot2.core.sources import write_code_list

min_version("9.27")
prepare_environment()

if "dicom" not in config:
    raise WorkflowError("say which folder to index: --config dicom=FOLDER")

TREE = str(config["dicom"])


pathvars:
    results=str(config.get("results", "results/index")),


localrules:
    index,


rule index:
    """Propose the participants table and the series table."""
    input:
        dicom=TREE,
        script="scripts/index_dicom.py",
        code=write_code_list("scripts/index_dicom.py", "envs/run.lock"),
    output:
        participants="<results>/participants.tsv",
        series="<results>/series.tsv",
    log:
        "<results>/logs/index.log",
    benchmark:
        "<results>/benchmarks/index.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        key=str(config.get("key", "config/identity.key")),
    shell:
        r"""
        python {input.script:q} \
            --dicom {input.dicom:q} \
            --key {params.key:q} \
            --participants {output.participants:q} \
            --series {output.series:q} \
            2>&1 | tee {log:q}
        """
