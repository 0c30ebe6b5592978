"""This part of the workflow stands in for a scanner: it makes the digital cohort, with known truth.

REQUIRED INPUTS: none; the participants table lists the people, who are drawn from the configured seed.

OUTPUTS:
    dicom = <results>/simulate/{scan}/dicom   what a scanner would export
    truth = <results>/simulate/{scan}/truth   labels, T2, fat fraction, B1, motion; read by no other rule
"""


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
    log:
        "<logs>/simulate/{scan}.log",
    benchmark:
        "<benchmarks>/simulate/{scan}.tsv"
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        participant=lambda wildcards: cohort[wildcards.scan].participant_id,
        preset=simulation.preset,
        seed=simulation.seed,
        refocusing=simulation.refocusing,
        snr=simulation.snr,
        motion=simulation.motion_mm,
        scanner=simulation.scanner,
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
            --label-table {input.labels:q} \
            --dicom {output.dicom:q} \
            --truth {output.truth:q} \
            >{log:q} 2>&1
        """
