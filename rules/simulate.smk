"""This part of the workflow stands in for a scanner: it makes the digital cohort, with known truth.

REQUIRED INPUTS: none; the participants table lists the people, who are drawn from the configured seed.

OUTPUTS:
    dicom = <results>/simulate/{scan}/dicom   what a scanner would export
    truth = <results>/simulate/{scan}/truth   labels, T2, fat fraction, B1, motion; read by no rule but fit_fully_sampled
  with simulate.kspace.write: true also
    kspace = <results>/simulate/{scan}/kspace   raw.h5 (ISMRMRD) and TB1map.nii.gz, what a scanner would export as well
"""

RAW = simulation.kspace
RAW_OPTIONS = (
    [
        *("--coils", RAW.coils, "--blocks", RAW.blocks, "--acceleration", RAW.acceleration),
        *(["--block-order", *RAW.block_order] if RAW.block_order else []),
        *("--partial-fourier", RAW.partial_fourier, "--odd-even-deg", *RAW.odd_even_deg),
    ]
    if RAW.write
    else []
)


rule simulate:
    """Simulate one participant's examination."""
    input:
        script="scripts/simulate_participant.py",
        code=code("scripts/simulate_participant.py"),
        atlas="src/myot2/simulate/data/atlas.npz",
        labels=settings.label_table,
    output:
        dicom=directory("<results>/simulate/{scan}/dicom"),
        truth=directory("<results>/simulate/{scan}/truth"),
        kspace=[directory("<results>/simulate/{scan}/kspace")] if RAW.write else [],
    log:
        "<logs>/simulate/{scan}.log",
    benchmark:
        "<benchmarks>/simulate/{scan}.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=by_attempt(10),
    params:
        participant=lambda wildcards: cohort[wildcards.scan].participant_id,
        preset=simulation.preset,
        seed=simulation.seed,
        refocusing=simulation.refocusing,
        snr=simulation.snr,
        motion=simulation.motion_mm,
        scanner=simulation.scanner,
        raw=lambda wildcards, output: ["--kspace", *output.kspace, *RAW_OPTIONS] if output.kspace else [],
        fat="--fat-suppression" if simulation.fat_suppression else "--no-fat-suppression",
    shell:
        r"""
        python {input.script:q} \
            --participant {params.participant:q} \
            --preset {params.preset:q} \
            --seed {params.seed:q} \
            --refocusing {params.refocusing:q} \
            --snr {params.snr:q} \
            --motion-mm {params.motion:q} \
            --scanner {params.scanner:q} \
            {params.fat} \
            {params.raw:q} \
            --label-table {input.labels:q} \
            --dicom {output.dicom:q} \
            --truth {output.truth:q} \
            >{log:q} 2>&1
        """
