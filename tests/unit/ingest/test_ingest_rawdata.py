"""Raw data are known by their first bytes, whatever the file is called."""

from __future__ import annotations

import struct

import pytest

from myot2.ingest.indexing.rawdata import find_raw_data, form_of

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(100)
VB = struct.pack("<2I", 4096, 6) + b"Config\0" + bytes(100)
VD = struct.pack("<4IQ", 0, 2, 17, 41, 10240).ljust(10240, b"\0") + VB


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (HDF5, "HDF5, as ISMRMRD"),
        (VB, "Siemens twix"),
        (VD, "Siemens twix"),
        (VD[:10000], None),
        (struct.pack("<4IQ", 0, 65, 17, 41, 10240).ljust(10240, b"\0") + VB, None),
        (bytes(20000), None),
        (b"", None),
        (bytes(128) + b"DICM" + bytes(100), None),
    ],
)
def test_the_first_bytes_tell_the_form(tmp_path, content, form):
    (tmp_path / "file").write_bytes(content)
    assert form_of(tmp_path / "file") == form


def test_raw_data_are_found_in_a_fixed_order_and_hidden_names_passed_over(tmp_path):
    for name in ("b/meas.dat", "a/x", ".hidden/y", "a/.z"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(HDF5)
    assert [file.path.relative_to(tmp_path).as_posix() for file in find_raw_data(tmp_path)] == ["a/x", "b/meas.dat"]
