"""How the program that reconstructs is given raw data, fat and B1."""

from myot2.core.config_reconstruct import fat_told_by

FAT_OF_KSPACE = fat_told_by(settings.reconstruct, settings.fit, settings.ingest.dixon)
"""What tells the fat in the signal model of a reconstruction."""


def reconstruct_fat_options(wildcards, input):
    """How the program that reconstructs is told of fat."""
    if not FAT_OF_KSPACE:
        return []
    left = settings.reconstruct.fat
    given = ["--fraction", given_fraction_path(wildcards)] if FAT_OF_KSPACE == "given" else []
    names = ["--water", "--fat", "--in-phase"][: len(input.dixon)]
    told = given or [word for pair in zip(names, input.dixon) for word in pair]
    return [*told, "--fat-left", left, *TISSUE_OPTIONS]


USES_B1_MAP = settings.reconstruct.model == "epg" and settings.reconstruct.b1 == "map"


def raw_input(wildcards):
    """The raw data of a scan as an input, unless they are missing: then the job says so and the cohort goes on."""
    path = cohort[wildcards.scan].kspace
    return path if path and (settings.simulate or os.path.exists(path)) else []


def raw_path(wildcards):
    """Where the participants table says that the raw data are."""
    return cohort[wildcards.scan].kspace or f"no cell in the column kspace for {wildcards.scan}"


def raw_listing(wildcards):
    """What tells that files of a folder of raw data have come or gone (a folder's own time does not)."""
    path = cohort[wildcards.scan].kspace
    if settings.simulate or not path or not os.path.isdir(path):
        return "one file, or made by a rule"
    listing = listing_digest(path)
    return PSEUDONYMS.of(listing) if PSEUDONYMS else listing


def measured_b1(wildcards):
    """The configured map of B1 as an input; a simulated one comes with the raw data."""
    if not USES_B1_MAP or settings.simulate:
        return []
    return if_there(of_scan(settings.reconstruct.b1_map, wildcards))


def own_b1(wildcards):
    """How a program is told the measured B1."""
    return ["--b1-from", of_scan(settings.reconstruct.b1_map, wildcards)] if USES_B1_MAP else []


def reconstructed(suffix):
    """A map of the stage, once for each scan."""
    return every_scan(f"<results>/reconstruct/{{folder}}/{{scan}}{suffix}")
