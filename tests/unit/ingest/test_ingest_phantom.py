"""The NIST phantom's echoes as two makers wrote them (../shared/data/nist-phantom), in order and with their values."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar
from myot2.core.tables import read_table
from myot2.ingest.stage import Order, ingest


@pytest.mark.parametrize(
    ("plate", "first_ms", "maker", "field"),
    [
        ("philips-ingenia-1.5T/plate4", 5.0, "Philips", 1.5),
        ("philips-ingenia-1.5T/plate5", 5.0, "Philips", 1.5),
        ("siemens-aera-1.5T/plate4", 12.7, "Siemens", 1.5),
    ],
)
def test_the_phantoms_32_echoes_come_out_in_order(shared_data, tmp_path, plate, first_ms, maker, field):
    order = Order(tmp_path / "series.tsv", echoes=[tmp_path / f"echo-{n:02d}.nii.gz" for n in range(1, 33)])
    folder = shared_data / "nist-phantom" / plate
    ingest(folder, order)
    sidecars = [read_sidecar(path) for path in order.echoes]
    np.testing.assert_allclose([one["EchoTime"] for one in sidecars], first_ms / 1000 * np.arange(1, 33), rtol=1e-3)
    assert (sidecars[0]["Manufacturer"], sidecars[0]["MagneticFieldStrength"]) == (maker, field)
    assert list(read_table(order.series_table)["taken"]) == ["yes"]
    stored = {round(float(one.EchoTime), 6): one for one in map(pydicom.dcmread, sorted(folder.iterdir()))}
    for path, sidecar in zip(order.echoes, sidecars, strict=True):
        pixels = stored[round(1000 * sidecar["EchoTime"], 6)].pixel_array
        voxels = array_of(read_image(path))[0]
        ratio = voxels[pixels > 0] / pixels[pixels > 0]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


def test_the_phantoms_template_of_two_series_is_no_echo_train(shared_data, tmp_path):
    order = Order(tmp_path / "series.tsv", echoes=[tmp_path / f"{n}.nii.gz" for n in range(2)])
    with pytest.raises(MyoT2Error, match="a series for mese") as caught:
        ingest(shared_data / "nist-phantom" / "template", order)
    assert "series 110001: other" in caught.value.found
