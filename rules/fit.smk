"""This part of the workflow makes the T2 map, from the raw echoes or from the scanner's own map.

REQUIRED INPUTS:
    echoes = <results>/ingest/{folder}/{scan}_echo-{01..}_MESE.nii.gz   fit.source: echoes
    vendor = <results>/ingest/{folder}/{scan}_T2map.nii.gz              fit.source: vendor-map

OUTPUTS:
    t2 = <results>/fit/{folder}/{scan}_T2map.nii.gz   ms
  with fit.source: echoes also
    m0 = <results>/fit/{folder}/{scan}_M0map.nii.gz               signal at TE 0
    sd = <results>/fit/{folder}/{scan}_desc-sd_T2map.nii.gz       standard deviation of T2, ms
    rmse = <results>/fit/{folder}/{scan}_desc-rmse_T2map.nii.gz   root mean square of the residual
    status = <results>/fit/{folder}/{scan}_desc-status_dseg.nii.gz   what became of each voxel, codes of dseg.tsv
    b1 = <results>/fit/{visit}/fmap/{scan}_TB1map.nii.gz          B1 relative to nominal, fit.model: epg
"""

FITTED = "<results>/fit/{visit}/anat/{scan}"
STATUS_MAP = [f"{FITTED}_desc-status_dseg.nii.gz"] if settings.fit.source == "echoes" else []
B1_MAP = ["<results>/fit/{visit}/fmap/{scan}_TB1map.nii.gz"] if settings.fit.model == "epg" else []


if settings.fit.source == "echoes":

    rule fit:
        """Fit T2 to the raw echoes."""
        input:
            echoes=[echo.replace("{folder}", "{visit}/anat") for echo in ECHOES],
            sidecars=[echo.replace("{folder}", "{visit}/anat").replace(".nii.gz", ".json") for echo in ECHOES],
            script="scripts/fit_t2.py",
            code=code("scripts/fit_t2.py"),
        output:
            t2=f"{FITTED}_T2map.nii.gz",
            m0=f"{FITTED}_M0map.nii.gz",
            sd=f"{FITTED}_desc-sd_T2map.nii.gz",
            rmse=f"{FITTED}_desc-rmse_T2map.nii.gz",
            status=STATUS_MAP,
            b1=B1_MAP,
            sidecars=[
                *multiext(FITTED, "_T2map.json", "_M0map.json", "_desc-sd_T2map.json", "_desc-rmse_T2map.json"),
                *[image.replace(".nii.gz", ".json") for image in STATUS_MAP + B1_MAP],
            ],
        log:
            "<logs>/fit/{visit}/anat/{scan}.log",
        benchmark:
            "<benchmarks>/fit/{visit}/anat/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            model=settings.fit.model,
            skip=settings.fit.skip_first_echoes,
            noise=settings.fit.noise,
            limits=settings.fit.t2_limits_ms,
            epg=(
                [
                    *("--b1", settings.fit.b1, "--slice-profile", settings.fit.slice_profile),
                    *("--refocusing-deg", settings.fit.refocusing_deg, "--t1-ms", settings.fit.t1_ms),
                ]
                if settings.fit.model == "epg"
                else []
            ),
            b1=lambda wildcards, output: ["--b1-map", *output.b1] if output.b1 else [],
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --echoes {input.echoes:q} \
                --model {params.model:q} \
                --skip-first-echoes {params.skip:q} \
                --noise {params.noise:q} \
                --t2-limits-ms {params.limits:q} \
                {params.epg:q} \
                --t2 {output.t2:q} \
                --m0 {output.m0:q} \
                --sd {output.sd:q} \
                --rmse {output.rmse:q} \
                --status {output.status:q} \
                {params.b1:q} \
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
