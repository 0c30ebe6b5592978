"""This part of the workflow makes T2 and M0 from raw k-space; nothing of it runs unless fit.source is kspace.

REQUIRED INPUTS:
    raw = the ISMRMRD file or folder that the participants table names in the column kspace
    b1 = the map of relative B1 that reconstruct.b1_map names          reconstruct.b1: map
    dixon = <results>/ingest/{folder}/{scan}_acq-dixon{water,fat,in}_T2w.nii.gz, or the map that fit.fat.given names
                                                                       reconstruct.fat: not none

OUTPUTS:
    t2 = <results>/reconstruct/{folder}/{scan}_T2map.nii.gz                    ms
    m0 = <results>/reconstruct/{folder}/{scan}_M0map.nii.gz                    signal at TE 0 over the noise
    sd = <results>/reconstruct/{folder}/{scan}_desc-sd_T2map.nii.gz            standard deviation of T2, ms
    status = <results>/reconstruct/{folder}/{scan}_desc-status_dseg.nii.gz     what became of each voxel
    phase = <results>/reconstruct/{folder}/{scan}_desc-oddeven_phase.nii.gz    of even against odd echoes, rad
    b1 = <results>/reconstruct/{visit}/fmap/{scan}_TB1map.nii.gz               reconstruct.model: epg
    echoes = <results>/reconstruct/{folder}/{scan}_echo-{01..}_MESE.nii.gz     at reconstruct.synthetic_ms
    summary = <results>/reconstruct/{folder}/{scan}_reconstruction.json        misfit, acceleration, flags
    course = <results>/reconstruct/{folder}/{scan}_slices.tsv                  the steps of each slice
    pattern = <results>/reconstruct/{folder}/{scan}_pattern.tsv                the sampled lines
    scans = <results>/reconstruct/scans.tsv                                    one row per scan, for the report
  of a digital cohort also
    full = <results>/reconstruct/{folder}/{scan}_desc-fullysampled_T2map.nii.gz   a fit of every line of the same scan
"""

RECONSTRUCTED = "<results>/reconstruct/{visit}/anat/{scan}"
FROM_KSPACE = settings.fit.source == "kspace"
SYNTHETIC = [
    f"<results>/reconstruct/{{folder}}/{{scan}}_echo-{echo:02}_MESE.nii.gz"
    for echo, _ in enumerate(settings.reconstruct.synthetic_ms, start=1)
]
T2_GRID = SYNTHETIC[0] if FROM_KSPACE else (ECHOES + VENDOR_MAP)[0]
"""The image on whose grid T2 is measured, and to which the labels are aligned."""

RECONSTRUCTED_B1 = (
    ["<results>/reconstruct/{visit}/fmap/{scan}_TB1map.nii.gz"] if settings.reconstruct.model == "epg" else []
)
COMPARED = (
    FROM_KSPACE
    and settings.simulate is not None
    and (not FAT_OF_KSPACE or settings.reconstruct.fat == "auto" and settings.simulate.fat_suppression)
)
"""Whether each map is held against that of the fully sampled scan, which only a simulator has and whose fit knows no fat."""

DIXON_OF_KSPACE = (
    [DIXON[settings.ingest.dixon.index(part)] for part in ("water", "fat", "in") if part in settings.ingest.dixon]
    if FAT_OF_KSPACE == "water-fat"
    else []
)


OWN_TIMES = ["--echo-times-ms", *settings.reconstruct.echo_times_ms] if settings.reconstruct.echo_times_ms else []


if FROM_KSPACE:

    rule reconstruct:
        """Reconstruct one scan, its slices side by side."""
        input:
            raw=raw_input,
            b1=measured_b1,
            dixon=given_fraction if FAT_OF_KSPACE == "given" else by_visit(DIXON_OF_KSPACE),
            sidecars=given_fraction_sidecar if FAT_OF_KSPACE == "given" else sidecars_of(by_visit(DIXON_OF_KSPACE)),
            pulses=pulse_samples(settings.reconstruct.model),
            script="scripts/reconstruct_t2.py",
            code=code("scripts/reconstruct_t2.py"),
        output:
            t2=f"{RECONSTRUCTED}_T2map.nii.gz",
            m0=f"{RECONSTRUCTED}_M0map.nii.gz",
            sd=f"{RECONSTRUCTED}_desc-sd_T2map.nii.gz",
            status=f"{RECONSTRUCTED}_desc-status_dseg.nii.gz",
            phase=f"{RECONSTRUCTED}_desc-oddeven_phase.nii.gz",
            b1=RECONSTRUCTED_B1,
            echoes=by_visit(SYNTHETIC),
            sidecars=[
                *multiext(
                    RECONSTRUCTED,
                    "_T2map.json",
                    "_M0map.json",
                    "_desc-sd_T2map.json",
                    "_desc-status_dseg.json",
                    "_desc-oddeven_phase.json",
                ),
                *sidecars_of(RECONSTRUCTED_B1 + by_visit(SYNTHETIC)),
            ],
            summary=f"{RECONSTRUCTED}_reconstruction.json",
            course=f"{RECONSTRUCTED}_slices.tsv",
            pattern=f"{RECONSTRUCTED}_pattern.tsv",
            dictionaries=multiext(RECONSTRUCTED, "_slices.json", "_pattern.json"),
        log:
            "<logs>/reconstruct/{visit}/anat/{scan}.log",
        benchmark:
            "<benchmarks>/reconstruct/{visit}/anat/{scan}.tsv"
        conda:
            "../envs/imaging.yaml"
        threads: settings.reconstruct.cores
        resources:
            mem_mb=memory(1000 + 500 * settings.reconstruct.cores),
            runtime=by_attempt(30),
        params:
            raw=raw_path,
            listing=raw_listing,
            model=settings.reconstruct.model,
            strength=settings.reconstruct.strength,
            coils=settings.reconstruct.coils,
            phase=settings.reconstruct.phase,
            limits=settings.fit.t2_limits_ms,
            further=[*pulse_options(settings.reconstruct.model), *OWN_TIMES],
            b1=own_b1,
            fat=reconstruct_fat_options,
            synthetic=settings.reconstruct.synthetic_ms,
            b1_map=lambda wildcards, output: ["--b1-map", *output.b1] if output.b1 else [],
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --raw {params.raw:q} \
                --model {params.model:q} \
                --strength {params.strength:q} \
                --coils {params.coils:q} \
                --phase {params.phase:q} \
                --t2-limits-ms {params.limits:q} \
                {params.further:q} \
                {params.b1:q} \
                {params.fat:q} \
                --cores {threads} \
                --t2 {output.t2:q} \
                --m0 {output.m0:q} \
                --sd {output.sd:q} \
                --status {output.status:q} \
                --phase-map {output.phase:q} \
                {params.b1_map:q} \
                --synthetic-ms {params.synthetic:q} \
                --echoes {output.echoes:q} \
                --summary {output.summary:q} \
                --course {output.course:q} \
                --pattern {output.pattern:q} \
                >{log:q} 2>&1
            """


if COMPARED:

    rule fit_fully_sampled:
        """Fit the echoes that the simulated scan would have given with every line sampled."""
        input:
            truth="<results>/simulate/{scan}/truth",
            raw=raw_input,
            pulses=pulse_samples(settings.reconstruct.model),
            script="scripts/fit_t2.py",
            code=code("scripts/fit_t2.py"),
        output:
            t2=f"{RECONSTRUCTED}_desc-fullysampled_T2map.nii.gz",
            sidecar=f"{RECONSTRUCTED}_desc-fullysampled_T2map.json",
        log:
            "<logs>/reconstruct/{visit}/anat/{scan}_fullysampled.log",
        benchmark:
            "<benchmarks>/reconstruct/{visit}/anat/{scan}_fullysampled.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=by_attempt(20),
        params:
            echoes=lambda wildcards, input: [
                f"{input.truth}/{wildcards.scan}_space-T2_desc-fullysampled_echo-{echo:02}_MESE.nii.gz"
                for echo in range(1, 11)
            ],
            model=[
                "--model",
                settings.reconstruct.model,
                "--skip-first-echoes",
                0,
                *pulse_options(settings.reconstruct.model),
            ],
            b1=lambda wildcards: ["--b1", "map", *own_b1(wildcards)] if USES_B1_MAP else [],
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --echoes {params.echoes:q} \
                {params.model:q} \
                {params.b1:q} \
                --t2 {output.t2:q} \
                >{log:q} 2>&1
            """


if FROM_KSPACE:

    localrules:
        collect_reconstructions,

    rule collect_reconstructions:
        """List the scans with their chi-square and flags, against the fully sampled scans where there are any."""
        input:
            summaries=reconstructed("_reconstruction.json"),
            t2=reconstructed("_T2map.nii.gz") if COMPARED else [],
            full=reconstructed("_desc-fullysampled_T2map.nii.gz") if COMPARED else [],
            status=every_scan("<results>/fit/{folder}/{scan}_desc-status_dseg.nii.gz") if COMPARED else [],
            labels=every_scan("<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz") if COMPARED else [],
            label_table=settings.label_table,
            script="scripts/collect_reconstructions.py",
            code=code("scripts/collect_reconstructions.py"),
        output:
            scans="<results>/reconstruct/scans.tsv",
            dictionary="<results>/reconstruct/scans.json",
        log:
            "<logs>/reconstruct/scans.log",
        benchmark:
            "<benchmarks>/reconstruct/scans.tsv"
        conda:
            "../envs/imaging.yaml"
        resources:
            mem_mb=memory(500),
            runtime=by_attempt(5),
        params:
            participants=[participant.participant_id for participant in participants],
            sessions=[participant.session or "n/a" for participant in participants],
            compared=lambda wildcards, input: (
                [
                    *("--t2", *input.t2, "--full", *input.full, "--status", *input.status, "--labels", *input.labels),
                    *("--label-table", input.label_table),
                ]
                if input.t2
                else []
            ),
        shell:
            r"""
            python {input.script:q} \
                --summaries {input.summaries:q} \
                --participants {params.participants:q} \
                --sessions {params.sessions:q} \
                {params.compared:q} \
                --scans {output.scans:q} \
                >{log:q} 2>&1
            """
