"""Which settings leave the site."""

from __future__ import annotations

from myot2.release.settings import release_settings


def test_the_settings_of_a_reconstruction_are_released_without_its_paths():
    shown = release_settings({"reconstruct": {"model": "epg", "strength": 3.0, "b1_map": "/data/anna/b1.nii.gz"}})
    assert shown["reconstruct"] == {"model": "epg", "strength": 3.0, "b1_map": "given"}
