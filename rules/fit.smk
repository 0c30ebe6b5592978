"""This part of the workflow makes the T2 map, from the raw echoes or from the scanner's own map.

REQUIRED INPUTS:
    echoes = <results>/ingest/{folder}/{scan}_echo-{01..}_MESE.nii.gz   fit.source: echoes
    vendor = <results>/ingest/{folder}/{scan}_T2map.nii.gz              fit.source: vendor-map

OUTPUTS:
    t2 = <results>/fit/{folder}/{scan}_T2map.nii.gz   ms
    m0 = <results>/fit/{folder}/{scan}_M0map.nii.gz   signal at TE 0, fit.source: echoes
    error = <results>/fit/{folder}/{scan}_desc-rmse_T2map.nii.gz   root mean square of the residual, fit.source: echoes
"""

if settings.fit.source == "echoes":

    rule fit:
        """Fit T2 to the raw echoes."""
        input:
            echoes=ECHOES,
            sidecars=[echo.replace(".nii.gz", ".json") for echo in ECHOES],
            script="scripts/fit_t2.py",
            code=code("scripts/fit_t2.py"),
        output:
            t2="<results>/fit/{folder}/{scan}_T2map.nii.gz",
            sidecar="<results>/fit/{folder}/{scan}_T2map.json",
            m0="<results>/fit/{folder}/{scan}_M0map.nii.gz",
            error="<results>/fit/{folder}/{scan}_desc-rmse_T2map.nii.gz",
            further_sidecars=multiext("<results>/fit/{folder}/{scan}", "_M0map.json", "_desc-rmse_T2map.json"),
        log:
            "<logs>/fit/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/fit/{folder}/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            model=settings.fit.model,
            skip=settings.fit.skip_first_echoes,
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --echoes {input.echoes:q} \
                --model {params.model:q} \
                --skip-first-echoes {params.skip:q} \
                --t2 {output.t2:q} \
                --m0 {output.m0:q} \
                --error {output.error:q} \
                >{log:q} 2>&1
            """

else:

    rule take_vendor_map:
        """Take the scanner's own T2 map."""
        input:
            vendor=VENDOR_MAP,
            script="scripts/fit_t2.py",
            code=code("scripts/fit_t2.py"),
        output:
            t2="<results>/fit/{folder}/{scan}_T2map.nii.gz",
            sidecar="<results>/fit/{folder}/{scan}_T2map.json",
        log:
            "<logs>/fit/{folder}/{scan}.log",
        benchmark:
            "<benchmarks>/fit/{folder}/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=1000,
            runtime=5,
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --vendor-map {input.vendor:q} \
                --t2 {output.t2:q} \
                >{log:q} 2>&1
            """
