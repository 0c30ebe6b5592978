"""This part of the workflow draws one panel per scan and renders the report.

REQUIRED INPUTS:
    <results>/analyse/statistics.json and the tables beside it
    <results>/measure/cohort.tsv, flow.tsv
    <results>/segment/quality_scans.tsv
    <results>/audit/results.sha256, for the footer
    the images, labels and T2 maps, for the panels

OUTPUTS:
    <results>/report/{folder}/{scan}_panel.png   labels on the image, T2 map
    <results>/report/{folder}/{scan}_reconstruction.png   sampled lines and T2 map, with fit.source: kspace
    <results>/report/figures/<figure>.svg, .pdf  the report's figures, for the page and for print
    <results>/report/configuration.json          every setting of the run, defaults included
    <results>/report/report.html, report.pdf
    <results>/report/participants/{scan}.html    one page per scan
    <results>/release/figures/<figure>.svg, .pdf the figures of the shareable report, from released tables
    <results>/release/shareable.html, .pdf       the shareable report
"""

from myot2.report.captions import FIGURES
from myot2.report.shareable.captions import FIGURES as SHAREABLE_FIGURES


localrules:
    record_configuration,


# What the labels were drawn on; labels that were given are shown on the image of the T2 series.
PANEL_IMAGE = SEEN_BY_NETWORK or [T2_GRID]
PANEL_LABELS = (
    "<results>/segment/{folder}/{scan}_dseg.nii.gz"
    if SEEN_BY_NETWORK
    else "<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz"
)

# What both documents' cells import; only the documents name it.
CELLS = sorted(glob("src/myot2/report/*.py") + glob("src/myot2/report/shareable/*.py"))
SHAREABLE = [f"<results>/release/shareable.{kind}" for kind in ("html", "pdf")]


rule panel:
    """Draw one scan: the labels over the image, and the T2 map."""
    input:
        image=PANEL_IMAGE,
        labels=PANEL_LABELS,
        t2="<results>/fit/{folder}/{scan}_T2map.nii.gz",
        t2_labels="<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz",
        corrected=corrected_labels("segment" if SEEN_BY_NETWORK else "align"),
        label_table=settings.label_table,
        script="scripts/draw_panel.py",
        code=code("scripts/draw_panel.py"),
    output:
        "<results>/report/{folder}/{scan}_panel.png",
    log:
        "<logs>/report/{folder}/{scan}.log",
    benchmark:
        "<benchmarks>/report/{folder}/{scan}.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(400),
        runtime=by_attempt(5),
    params:
        title=lambda wildcards: wildcards.scan,
        corrected=lambda wildcards, input: ["--corrected-labels", input.corrected] if input.corrected else [],
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --image {input.image:q} \
            --labels {input.labels:q} \
            --t2 {input.t2:q} \
            --t2-labels {input.t2_labels:q} \
            {params.corrected:q} \
            --label-table {input.label_table:q} \
            --title {params.title:q} \
            --out {output:q} \
            >{log:q} 2>&1
        """


if FROM_KSPACE:

    rule picture_reconstruction:
        """Draw what one scan was reconstructed from, and the T2 map."""
        input:
            summary="<results>/reconstruct/{folder}/{scan}_reconstruction.json",
            pattern="<results>/reconstruct/{folder}/{scan}_pattern.tsv",
            t2="<results>/reconstruct/{folder}/{scan}_T2map.nii.gz",
            full=["<results>/reconstruct/{folder}/{scan}_desc-fullysampled_T2map.nii.gz"] if COMPARED else [],
            labels="<results>/align/{folder}/{scan}_space-T2_dseg.nii.gz",
            label_table=settings.label_table,
            script="scripts/draw_reconstruction.py",
            code=code("scripts/draw_reconstruction.py"),
        output:
            "<results>/report/{folder}/{scan}_reconstruction.png",
        log:
            "<logs>/report/{folder}/{scan}_reconstruction.log",
        benchmark:
            "<benchmarks>/report/{folder}/{scan}_reconstruction.tsv"
        conda:
            "../envs/report.yaml"
        resources:
            mem_mb=memory(1000),
            runtime=by_attempt(5),
        params:
            title=lambda wildcards: wildcards.scan,
            full=lambda wildcards, input: ["--full", *input.full] if input.full else [],
        shell:
            r"""
            python {input.script:q} \
                --leave-stop-notes \
                --summary {input.summary:q} \
                --pattern {input.pattern:q} \
                --t2 {input.t2:q} \
                {params.full:q} \
                --labels {input.labels:q} \
                --label-table {input.label_table:q} \
                --title {params.title:q} \
                --out {output:q} \
                >{log:q} 2>&1
            """


rule figures:
    """Draw the figures."""
    input:
        statistics=STATISTICS,
        tables=expand("<results>/analyse/{table}.tsv", table=TABLES),
        multiverse=MULTIVERSE,
        masks=MASKS,
        measures="<results>/measure/cohort.tsv",
        flow="<results>/measure/flow.tsv",
        quality=QUALITY[1],
        label_table=settings.label_table,
        script="scripts/draw_figures.py",
        code=code("scripts/draw_figures.py"),
    output:
        expand("<results>/report/figures/{figure}.{kind}", figure=[one.file for one in FIGURES], kind=["svg", "pdf"]),
    log:
        "<logs>/report/figures.log",
    benchmark:
        "<benchmarks>/report/figures.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(800),
        runtime=by_attempt(10),
    params:
        results=subpath(input.statistics, ancestor=2),
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --results {params.results:q} \
            --label-table {input.label_table:q} \
            --out {params.folder:q} \
            >{log:q} 2>&1
        """


rule record_configuration:
    """Write down every setting of the run."""
    output:
        "<results>/report/configuration.json",
    log:
        "<logs>/report/configuration.log",
    benchmark:
        "<benchmarks>/report/configuration.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(100),
        runtime=by_attempt(5),
    params:
        content=lambda wildcards: settings.model_dump_json(indent=2),
    shell:
        r"""
        printf '%s\n' {params.content:q} >{output:q}.part 2>{log:q}
        mv {output:q}.part {output:q}
        """


rule report:
    """Render the report to HTML and PDF."""
    input:
        statistics=STATISTICS,
        analyses=rules.analyse.output.analyses,
        tables=expand("<results>/analyse/{table}.tsv", table=TABLES),
        multiverse=MULTIVERSE,
        masks=MASKS,
        review=[*REVIEW, *RATERS],
        claims=CLAIMS[0],
        measures="<results>/measure/cohort.tsv",
        flow="<results>/measure/flow.tsv",
        quality=QUALITY[1],
        panels=every_scan("<results>/report/{folder}/{scan}_panel.png"),
        reconstruction=["<results>/reconstruct/scans.tsv"] if FROM_KSPACE else [],
        pictures=every_scan("<results>/report/{folder}/{scan}_reconstruction.png") if FROM_KSPACE else [],
        figures=rules.figures.output,
        configuration="<results>/report/configuration.json",
        seal="<results>/audit/results.sha256",
        label_table=settings.label_table,
        document="report/report.qmd",
        beside=sorted(
            glob("report/styles.*") + glob("report/*/*") + ["report/references.bib"],
        ),
        cells=CELLS,
        script="scripts/render_report.py",
        code=code("scripts/render_report.py"),
    output:
        html="<results>/report/report.html",
        pdf="<results>/report/report.pdf",
        participants=directory("<results>/report/participants"),
    log:
        "<logs>/report/report.log",
    benchmark:
        "<benchmarks>/report/report.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(1500),
        runtime=by_attempt(20),
    params:
        results=subpath(input.statistics, ancestor=2),
        figures=lambda wildcards, input: os.path.dirname(input.figures[0]),
        pictures=lambda wildcards, input: ["--reconstructions", *input.pictures] if input.pictures else [],
        renderer=settings.report.renderer,
    shell:
        r"""
        python {input.script:q} \
            --report {input.document:q} \
            --results {params.results:q} \
            --config-summary {input.configuration:q} \
            --seal {input.seal:q} \
            --label-table {input.label_table:q} \
            --panels {input.panels:q} \
            {params.pictures:q} \
            --figures {params.figures:q} \
            --participants {output.participants:q} \
            --renderer {params.renderer:q} \
            --html {output.html:q} \
            --pdf {output.pdf:q} \
            >{log:q} 2>&1
        """


rule shareable_figures:
    """Draw the figures of the shareable report from released tables alone."""
    input:
        released=RELEASED,
        script="scripts/draw_figures.py",
        code=code("scripts/draw_figures.py"),
    output:
        expand(
            "<results>/release/figures/{figure}.{kind}",
            figure=[one.file for one in SHAREABLE_FIGURES],
            kind=["svg", "pdf", "json"],
        ),
    log:
        "<logs>/release/figures.log",
    benchmark:
        "<benchmarks>/release/figures.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(800),
        runtime=by_attempt(10),
    params:
        released=subpath(input[0], parent=True),
        folder=subpath(output[0], parent=True),
    shell:
        r"""
        python {input.script:q} \
            --leave-stop-notes \
            --released {params.released:q} \
            --out {params.folder:q} \
            >{log:q} 2>&1
        """


rule shareable:
    """Render the shareable report from released tables alone."""
    input:
        released=RELEASED,
        figures=rules.shareable_figures.output,
        document="report/shareable.qmd",
        beside=sorted(glob("report/styles.*") + glob("report/*/*") + ["report/references.bib"]),
        cells=CELLS,
        script="scripts/render_report.py",
        code=code("scripts/render_report.py"),
    output:
        html=SHAREABLE[0],
        pdf=SHAREABLE[1],
    log:
        "<logs>/release/shareable.log",
    benchmark:
        "<benchmarks>/release/shareable.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=by_attempt(20),
    params:
        released=subpath(input[0], parent=True),
        figures=lambda wildcards, input: os.path.dirname(input.figures[0]),
        renderer=settings.report.renderer,
    shell:
        r"""
        python {input.script:q} \
            --report {input.document:q} \
            --released {params.released:q} \
            --figures {params.figures:q} \
            --renderer {params.renderer:q} \
            --html {output.html:q} \
            --pdf {output.pdf:q} \
            >{log:q} 2>&1
        """
