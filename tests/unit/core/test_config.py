"""The configuration: one model, refused typos, files that do not drift."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from myot2.core.config import Configuration, read_configuration, read_configuration_file
from myot2.core.config_files import configuration_files
from myot2.core.config_fit import fat_source
from myot2.core.config_multiverse import further_t2, own_t2
from myot2.core.errors import MyoT2Error


def test_the_default_file_the_schema_and_the_documentation_are_those_of_the_model(root):
    for path, text in configuration_files().items():
        assert (root / path).read_text(encoding="utf-8") == text, f"{path} drifted: run scripts/write_configuration.py"


def test_the_default_file_says_what_the_model_says_by_default(root):
    content = yaml.safe_load((root / "config/config.yaml").read_text())
    assert read_configuration(content, where="config.yaml") == Configuration()


def multiverse(*t2):
    """A section that asks for these T2 maps."""
    return {"analysis": {"multiverse": {"t2": list(t2)}}}


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[3].glob("config/*/*.yaml")))
def test_every_example_configuration_is_valid(path):
    if path.parent.name in ("demo", "examples"):
        read_configuration(yaml.safe_load(path.read_text()), where=path)


@pytest.mark.parametrize(
    ("content", "nearest"),
    [
        ({"reslts": "x"}, "results"),
        ({"fit": {"modle": "mono"}}, "fit.model"),
        ({"simulate": {"sed": 1}}, "simulate.seed"),
        ({"measure": {"erosion": 1}}, "measure.erosion_mm"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_valid_one(content, nearest):
    with pytest.raises(MyoT2Error, match=rf"nearest: {nearest}\)"):
        read_configuration(content, where="run.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"fit": {"skip_first_echoes": -1}}, "fit.skip_first_echoes: greater than or equal to 0; found -1"),
        ({"fit": {"source": "maps"}}, "'vendor-map', 'echoes' or 'kspace'"),
        ({"ingest": {"dixon": ["inphase"]}}, "ingest.dixon.0"),
        ({"fit": {"source": "echoes"}, "ingest": {"echoes": 0}}, "found ingest.echoes: 0"),
        ({"fit": {"model": "mono-offset", "noise": 3}}, "settings that fit fit.model: mono-offset; found fit.noise: 3"),
        ({"fit": {"noise": 0}}, "'none' or 'measured'"),
        ({"fit": {"t2_limits_ms": [300, 10]}}, "found fit.t2_limits_ms: 300, 10"),
        ({"fit": {"pulses": {"refocusing_deg": 181}}}, "fit.pulses.refocusing_deg: less than or equal to 180"),
        ({"fit": {"pulses": {"time_bandwidth": [2]}}}, "fit.pulses.time_bandwidth"),
        ({"fit": {"pulses": {"slice_profile": "given"}}}, "found fit.pulses.samples: null"),
        ({"fit": {"pulses": {"samples": ["a", "b"]}}}, "no given pulses; found fit.pulses.samples"),
        ({"fit": {"b1": "map"}}, "found fit.b1_map: null"),
        ({"fit": {"b1_map": "b1.nii"}}, "fit.b1: smoothed; found fit.b1_map"),
        ({"fit": {"fat": {"fraction": "given"}}}, "found fit.fat.given: null"),
        ({"fit": {"fat": {"given": "ff.nii"}}}, "fit.fat.fraction: auto; found fit.fat.given"),
        ({"fit": {"fat": {"fraction": "water-fat"}}, "ingest": {"dixon": ["in"]}}, "found not both in ingest.dixon"),
        ({"fit": {"fat": {"fraction": "in-opposed"}}, "ingest": {"dixon": ["in"]}}, "found not both in ingest.dixon"),
        ({"fit": {"model": "epg-water-fat"}, "ingest": {"dixon": ["in"]}}, "found no source of the fat fraction"),
        ({"fit": {"model": "epg-water-fat", "fat": {"fraction": "none"}}}, "found no source of the fat fraction"),
        ({"fit": {"fat": {"limit": 0}}}, "fit.fat.limit: greater than 0"),
        ({"fit": {"pulses": {"slice_profile": "slr"}}}, "at least 2.5; found fit.pulses.time_bandwidth: 2, 2"),
        (
            {"fit": {"model": "epg-water-fat", "fat": {"fraction": "in-opposed"}}},
            "a fraction that never tells fat from water; found fit.fat.t2_ms: calibrated",
        ),
        ({"ingest": {"t2_map": False}}, "found ingest.t2_map: false"),
        (
            {"fit": {"source": "echoes"}, "ingest": {"t2_map": False}, **multiverse("vendor-map")},
            "fit analysis.multiverse.t2: vendor-map; found ingest.t2_map: false",
        ),
        ({"ingest": {"echoes": 0}, **multiverse("epg", "mono")}, "multiverse.t2: epg, mono; found ingest.echoes: 0"),
        ({"ingest": {"dixon": ["in"]}, **multiverse("epg-water-fat")}, "found no source of the fat fraction"),
        ({"fit": {"noise": "measured"}, **multiverse("mono-offset")}, "mono-offset; found fit.noise: measured"),
        ({"ingest": {"dixon": []}}, "found no 'in' in ingest.dixon"),
        ({"reconstruct": {"b1": "map"}}, "reconstruct.b1: map; found reconstruct.b1_map: null"),
        ({"reconstruct": {"b1_map": "b1.nii"}}, "reconstruct.b1: joint; found reconstruct.b1_map"),
        ({"reconstruct": {"echo_times_ms": [10, 20]}}, "reconstruct.echo_times_ms"),
        ({"fit": {"source": "kspace"}, **multiverse("mono")}, "grid of its own; found analysis.multiverse.t2: mono"),
        (
            {"fit": {"source": "kspace", "fat": {"fraction": "in-opposed"}}, "reconstruct": {"fat": 1}},
            "fat fraction of fit.fat; found reconstruct.model: epg, fit.fat.fraction: in-opposed",
        ),
        (
            {"fit": {"source": "kspace"}, "reconstruct": {"fat": 0.03, "model": "mono"}},
            "fat fraction of fit.fat; found reconstruct.model: mono",
        ),
        ({"fit": {"source": "kspace"}, "reconstruct": {"fat": 1.5}}, "reconstruct.fat"),
        ({"fit": {"source": "kspace"}, "simulate": {}}, "digital cohort; found simulate.kspace.write: false"),
        (
            {"simulate": {"kspace": {"blocks": 3, "block_order": [0, 1, 3]}}},
            "simulate.kspace.blocks: 3; found simulate.kspace.block_order: 3",
        ),
        ({"segment": {"backend": "labels"}}, "found segment.given: null"),
        (
            {"segment": {"backend": "nnunet"}},
            "fit segment.backend: nnunet; found segment.model: resources/models/thigh",
        ),
        ({"segment": {"given": "a.nii"}}, "fit segment.backend: myot2; found segment.given"),
        ({"segment": {"ignore": ["*"]}}, "fit segment.backend: myot2; found segment.ignore"),
        ({"segment": {"backend": "labels", "given": "a.nii", "model": "m"}}, "found segment.model"),
        ({"segment": {"backend": "musclemap", "model": "m.pth", "folds": [0]}}, "found segment.folds"),
        ({"segment": {"backend": "monai-bundle", "model": "b", "overlap": 0.5}}, "found segment.overlap"),
        ({"segment": {"image": "water"}, "ingest": {"dixon": ["in"]}}, "found no 'water' in ingest.dixon"),
        ({"segment": {"weights_sha256": "abc"}}, "segment.weights_sha256"),
        ({"segment": {"version": "1.1"}}, "segment.version"),
        ({"segment": {"backend": "monai-bundle", "model": "b", "version": "1.0.0"}}, "found segment.version"),
        ({"ingest": {"source": "bids"}}, "found ingest.dataset: null"),
        ({"ingest": {"source": "bids", "dataset": "b"}, "simulate": {}}, "found simulate"),
        ({"ingest": {"source": "bids", "dataset": "b", "series": "s.tsv"}}, "found ingest.series"),
        ({"ingest": {"source": "muscle-bids", "dataset": "b", "t2_map_scale": 1}}, "found ingest.t2_map_scale"),
        ({"ingest": {"dataset": "b"}}, "found ingest.dataset"),
        ({"ingest": {"files": {"echoes": "e.nii"}}}, "found ingest.files"),
        ({"ingest": {"source": "bids", "dataset": "b", "files": {"echoes": "{name}"}}}, "the unknown field {name}"),
        ({"ingest": {"series": "s.tsv"}}, "found ingest.key: null"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_what_is_allowed(content, message):
    with pytest.raises(MyoT2Error, match=message):
        read_configuration(content, where="run.yaml")


@pytest.mark.parametrize(
    ("content", "source"),
    [
        ({}, "water-fat"),
        ({"ingest": {"dixon": ["in", "opp"]}}, None),
        ({"fit": {"fat": {"fraction": "none"}}}, None),
        ({"fit": {"fat": {"fraction": "in-opposed"}}}, "in-opposed"),
        ({"fit": {"fat": {"fraction": "given", "given": "ff.nii"}}}, "given"),
    ],
)
def test_the_fat_fraction_comes_from_water_and_fat_images_where_nothing_else_is_said(content, source):
    configuration = read_configuration(content, where="run.yaml")
    assert fat_source(configuration.fit.fat, configuration.ingest.dixon) == source


@pytest.mark.parametrize(
    ("fit", "own", "further"),
    [
        ({}, "vendor-map", ["mono", "epg"]),
        ({"source": "echoes", "model": "epg"}, "epg", ["vendor-map", "mono"]),
    ],
)
def test_the_t2_maps_of_the_multiverse_are_the_runs_own_and_each_other_once(fit, own, further):
    content = {"fit": fit, **multiverse("vendor-map", "mono", "epg", "mono")}
    configuration = read_configuration(content, where="run.yaml")
    assert own_t2(configuration.fit) == own
    assert further_t2(configuration.analysis.multiverse, configuration.fit) == further


@pytest.mark.parametrize(
    ("ingest", "source"),
    [
        ({}, "vendor-map"),
        ({"t2_map": False}, "echoes"),
        ({"t2_map": False, "echoes": 0}, "kspace"),
        ({"echoes": 0}, "vendor-map"),
    ],
)
def test_auto_takes_the_scanners_map_else_the_echoes_else_k_space(ingest, source):
    configuration = read_configuration({"fit": {"source": "auto"}, "ingest": ingest}, where="run.yaml")
    assert configuration.fit.source == source
    stated = read_configuration({"fit": {"source": source}, "ingest": ingest}, where="run.yaml")
    assert configuration == stated


@pytest.mark.parametrize(
    ("content", "found"), [(None, "no such file"), (b"fit: [", "expected"), (b"\xff\xfe", "codec"), (b"ft: {}", "ft")]
)
def test_a_file_that_is_no_configuration_is_refused_by_name(tmp_path, content, found):
    path = tmp_path / "study.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MyoT2Error) as caught:
        read_configuration_file(path)
    assert found in caught.value.found and str(path) in str(caught.value)


def test_an_empty_file_is_all_defaults(tmp_path):
    (tmp_path / "study.yaml").write_text("")
    assert read_configuration_file(tmp_path / "study.yaml") == read_configuration({}, where="nothing")
