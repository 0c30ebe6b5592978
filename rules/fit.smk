"""This part of the workflow makes the T2 map, from the raw echoes, the scanner's own map or k-space, and the fat fraction.

REQUIRED INPUTS:
    echoes = <results>/ingest/{folder}/{scan}_echo-{01..}_MESE.nii.gz   fit.source: echoes
    vendor = <results>/ingest/{folder}/{scan}_T2map.nii.gz              fit.source: vendor-map
    t2, status = <results>/reconstruct/{folder}/{scan}_...              fit.source: kspace
    dixon = what rule resample_dixon makes                              where there is a fat fraction

OUTPUTS:
    t2 = <results>/fit/{folder}/{scan}_T2map.nii.gz   ms
  with fit.source: echoes also
    m0 = <results>/fit/{folder}/{scan}_M0map.nii.gz               signal at TE 0
    sd = <results>/fit/{folder}/{scan}_desc-sd_T2map.nii.gz       standard deviation of T2, ms
    rmse = <results>/fit/{folder}/{scan}_desc-rmse_T2map.nii.gz   root mean square of the residual
    status = <results>/fit/{folder}/{scan}_desc-status_dseg.nii.gz   what became of each voxel, codes of dseg.tsv
    b1 = <results>/fit/{visit}/fmap/{scan}_TB1map.nii.gz          B1 relative to nominal, phase-graph models
  where there is a fat fraction also
    signal = <results>/fit/{folder}/{scan}_desc-signal_FFmap.nii.gz   of the Dixon signal, 0-1
    proton = <results>/fit/{folder}/{scan}_FFmap.nii.gz               of the protons, 0-1
  for each further T2 map that the multiverse asks for (analysis.multiverse.t2) also
    t2 = <results>/fit/{folder}/{scan}_desc-<map>_T2map.nii.gz              ms; <map>: vendormap, mono, epg ...
    status = <results>/fit/{folder}/{scan}_desc-<map>status_dseg.nii.gz     of a fit
"""

FITTED = "<results>/fit/{visit}/anat/{scan}"
FITS_ECHOES = settings.fit.source == "echoes"
PHASE_GRAPH = FITS_ECHOES and is_phase_graph(settings.fit.model)
STATUS_MAP = [f"{FITTED}_desc-status_dseg.nii.gz"] if FITS_ECHOES or FROM_KSPACE else []
B1_MAP = ["<results>/fit/{visit}/fmap/{scan}_TB1map.nii.gz"] if PHASE_GRAPH else []
SIGNAL_FRACTION = [f"{FITTED}_desc-signal_FFmap.nii.gz"] if FAT_SOURCE else []
PROTON_FRACTION = [f"{FITTED}_FFmap.nii.gz"] if FAT_SOURCE else []


if FAT_SOURCE:

    rule fat_fraction:
        """Tell the share of fat in the Dixon signal; where T2 does not wait for it, also that of the protons."""
        input:
            images=by_visit(ON_T2),
            sidecars=sidecars_of(by_visit(ON_T2)),
            t2=[] if FITS_ECHOES else [f"{RECONSTRUCTED if FROM_KSPACE else FITTED}_T2map.nii.gz"],
            script="scripts/map_fat_fraction.py",
            code=code("scripts/map_fat_fraction.py"),
        output:
            signal=SIGNAL_FRACTION,
            proton=[] if FITS_ECHOES else PROTON_FRACTION,
            sidecars=sidecars_of(SIGNAL_FRACTION + ([] if FITS_ECHOES else PROTON_FRACTION)),
        log:
            "<logs>/fit/{visit}/anat/{scan}_fat.log",
        benchmark:
            "<benchmarks>/fit/{visit}/anat/{scan}_fat.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(500),
            runtime=by_attempt(5),
        params:
            images=lambda wildcards, input: [word for pair in zip(FAT_IMAGE_OPTIONS, input.images) for word in pair],
            proton=lambda wildcards, input, output: (
                [
                    *("--t2", *input.t2, "--proton", *output.proton),
                    *(*TISSUE_OPTIONS, "--water-t1-ms", settings.fit.t1_ms),
                ]
                if output.proton
                else []
            ),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                {params.images:q} \
                {params.proton:q} \
                --out {output.signal:q} \
                >{log:q} 2>&1
            """


if FITS_ECHOES:

    rule fit:
        """Fit T2 to the raw echoes."""
        input:
            echoes=by_visit(ECHOES),
            sidecars=sidecars_of(by_visit(ECHOES)),
            b1=given_b1 if PHASE_GRAPH else [],
            pulses=pulse_samples(settings.fit.model),
            fraction=SIGNAL_FRACTION,
            times=sidecars_of(SIGNAL_FRACTION),
            script="scripts/fit_t2.py",
            code=code("scripts/fit_t2.py"),
        output:
            t2=f"{FITTED}_T2map.nii.gz",
            m0=f"{FITTED}_M0map.nii.gz",
            sd=f"{FITTED}_desc-sd_T2map.nii.gz",
            rmse=f"{FITTED}_desc-rmse_T2map.nii.gz",
            status=STATUS_MAP,
            b1=B1_MAP,
            proton=PROTON_FRACTION,
            sidecars=[
                *multiext(FITTED, "_T2map.json", "_M0map.json", "_desc-sd_T2map.json", "_desc-rmse_T2map.json"),
                *sidecars_of(STATUS_MAP + B1_MAP + PROTON_FRACTION),
            ],
        log:
            "<logs>/fit/{visit}/anat/{scan}.log",
        benchmark:
            "<benchmarks>/fit/{visit}/anat/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(1000),
            runtime=by_attempt(20),
        params:
            model=settings.fit.model,
            skip=settings.fit.skip_first_echoes,
            noise=settings.fit.noise,
            limits=settings.fit.t2_limits_ms,
            train=train_options(settings.fit.model),
            b1=lambda wildcards: b1_options(settings.fit.model, wildcards),
            b1_map=lambda wildcards, output: ["--b1-map", *output.b1] if output.b1 else [],
            fat=lambda wildcards, input, output: (
                [
                    *("--fat-fraction", *input.fraction, "--fat-fraction-map", *output.proton),
                    *fat_options(settings.fit.model),
                ]
                if input.fraction
                else []
            ),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --echoes {input.echoes:q} \
                --model {params.model:q} \
                --skip-first-echoes {params.skip:q} \
                --noise {params.noise:q} \
                --t2-limits-ms {params.limits:q} \
                {params.train:q} \
                {params.b1:q} \
                {params.fat:q} \
                --t2 {output.t2:q} \
                --m0 {output.m0:q} \
                --sd {output.sd:q} \
                --rmse {output.rmse:q} \
                --status {output.status:q} \
                {params.b1_map:q} \
                >{log:q} 2>&1
            """

elif FROM_KSPACE:

    rule take_reconstruction:
        """Take the T2 map that was made from k-space, and mark what holds too much fat."""
        input:
            t2=f"{RECONSTRUCTED}_T2map.nii.gz",
            status=f"{RECONSTRUCTED}_desc-status_dseg.nii.gz",
            sidecars=multiext(RECONSTRUCTED, "_T2map.json", "_desc-status_dseg.json"),
            fat=PROTON_FRACTION if settings.fit.fat.limit else [],
            script="scripts/take_reconstruction.py",
            code=code("scripts/take_reconstruction.py"),
        output:
            t2=f"{FITTED}_T2map.nii.gz",
            status=STATUS_MAP,
            sidecars=[f"{FITTED}_T2map.json", *sidecars_of(STATUS_MAP)],
        log:
            "<logs>/fit/{visit}/anat/{scan}.log",
        benchmark:
            "<benchmarks>/fit/{visit}/anat/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(500),
            runtime=by_attempt(5),
        params:
            fat=lambda wildcards, input: (
                ["--fat-fraction", *input.fat, "--fat-limit", settings.fit.fat.limit] if input.fat else []
            ),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --t2-in {input.t2:q} \
                --status-in {input.status:q} \
                {params.fat:q} \
                --t2 {output.t2:q} \
                --status {output.status:q} \
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
            mem_mb=memory(500),
            runtime=by_attempt(5),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --vendor-map {input.vendor:q} \
                --t2 {output.t2:q} \
                >{log:q} 2>&1
            """


if FURTHER_FITS:

    rule fit_further:
        """Fit T2 to the raw echoes by another model than the run's own, for the multiverse."""
        input:
            echoes=by_visit(ECHOES),
            sidecars=sidecars_of(by_visit(ECHOES)),
            b1=lambda wildcards: given_b1(wildcards) if is_phase_graph(FURTHER_FITS[wildcards.map]) else [],
            pulses=lambda wildcards: pulse_samples(FURTHER_FITS[wildcards.map]),
            fraction=SIGNAL_FRACTION,
            times=sidecars_of(SIGNAL_FRACTION),
            script="scripts/fit_t2.py",
            code=code("scripts/fit_t2.py"),
        output:
            t2=f"{FITTED}_desc-{{map}}_T2map.nii.gz",
            status=f"{FITTED}_desc-{{map}}status_dseg.nii.gz",
            sidecars=multiext(FITTED, "_desc-{map}_T2map.json", "_desc-{map}status_dseg.json"),
        log:
            "<logs>/fit/{visit}/anat/{scan}_{map}.log",
        benchmark:
            "<benchmarks>/fit/{visit}/anat/{scan}_{map}.tsv"
        wildcard_constraints:
            map="|".join(FURTHER_FITS),
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(1000),
            runtime=by_attempt(20),
        params:
            model=lambda wildcards: FURTHER_FITS[wildcards.map],
            skip=settings.fit.skip_first_echoes,
            noise=settings.fit.noise,
            limits=settings.fit.t2_limits_ms,
            train=lambda wildcards: train_options(FURTHER_FITS[wildcards.map]),
            b1=lambda wildcards: b1_options(FURTHER_FITS[wildcards.map], wildcards),
            fat=lambda wildcards, input: (
                ["--fat-fraction", *input.fraction, *fat_options(FURTHER_FITS[wildcards.map])]
                if input.fraction
                else []
            ),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --echoes {input.echoes:q} \
                --model {params.model:q} \
                --skip-first-echoes {params.skip:q} \
                --noise {params.noise:q} \
                --t2-limits-ms {params.limits:q} \
                {params.train:q} \
                {params.b1:q} \
                {params.fat:q} \
                --t2 {output.t2:q} \
                --status {output.status:q} \
                >{log:q} 2>&1
            """


if "vendor-map" in FURTHER_T2.values():

    rule take_further_vendor_map:
        """Take the scanner's own T2 map beside the run's fit, for the multiverse."""
        input:
            vendor=by_visit(VENDOR_MAP),
            script="scripts/fit_t2.py",
            code=code("scripts/fit_t2.py"),
        output:
            t2=f"{FITTED}_desc-vendormap_T2map.nii.gz",
            sidecar=f"{FITTED}_desc-vendormap_T2map.json",
        log:
            "<logs>/fit/{visit}/anat/{scan}_vendormap.log",
        benchmark:
            "<benchmarks>/fit/{visit}/anat/{scan}_vendormap.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(500),
            runtime=by_attempt(5),
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --vendor-map {input.vendor:q} \
                --t2 {output.t2:q} \
                >{log:q} 2>&1
            """
