"""This part of the workflow brings examinations from a PACS, for the participants whose cell `dicom` names one.

REQUIRED INPUTS:
    table = the participants table; the source is looked up in it, and stands nowhere else

OUTPUTS:
    <ingest.pacs.folder>/{scan}   DICOM files 000001.dcm, ...: identities, so outside the results
"""

if FETCHED:

    localrules:
        fetch,

    rule fetch:
        """Bring the MR images of one scan from its PACS source."""
        input:
            table=ancient(settings.participants.table),
            script="scripts/fetch_dicom.py",
            code=code("scripts/fetch_dicom.py"),
        output:
            folder=directory(f"{PACS.folder}/{{scan}}"),
        log:
            "<logs>/fetch/{scan}.log",
        benchmark:
            "<benchmarks>/fetch/{scan}.tsv"
        wildcard_constraints:
            scan="|".join(sorted(FETCHED)),
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(300),
            runtime=by_attempt(60),
        params:
            **PARTICIPANTS_OPTIONS,
            source=lambda wildcards: PSEUDONYMS.of(cohort[wildcards.scan].dicom),
            access=[
                word
                for option, value in PACS.model_dump(exclude={"folder"}).items()
                if value not in (None, False)
                for word in (f"--{option.replace('_', '-')}", *([] if value is True else [value]))
            ],
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --scan {wildcards.scan:q} \
                --participants {input.table:q} \
                --columns {params.columns:q} \
                --values {params.values:q} \
                --folder {output.folder:q} \
                {params.access:q} \
                >{log:q} 2>&1
            """
