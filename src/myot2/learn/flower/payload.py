"""An order or an answer as the records that Flower carries: bytes go in, and the same bytes come out."""

from __future__ import annotations

from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict

from myot2.core.errors import MyoT2Error

SAFETENSORS = "safetensors"
"""In place of Flower's own serialisation: the coordinator reads no arrays of numpy's format."""


def packed(message: bytes, tensors: bytes) -> RecordDict:
    """A signed message and the tensors that go with it; empty tensors are left out."""
    content = RecordDict({"message": ConfigRecord({"signed": message})})
    if tensors:
        array = Array(dtype="uint8", shape=(len(tensors),), stype=SAFETENSORS, data=tensors)
        content["tensors"] = ArrayRecord({SAFETENSORS: array})
    return content


def unpacked(content: RecordDict, *, where: str) -> tuple[bytes, bytes]:
    """Message and tensors.

    Raises
    ------
    MyoT2Error
        Other records than these came.
    """
    try:
        message = content.config_records["message"]
        arrays = content.array_records.get("tensors", ArrayRecord())
        others = set(content) - {"message", "tensors"} or set(message) - {"signed"} or set(arrays) - {SAFETENSORS}
        signed = message["signed"]
        if others or not isinstance(signed, bytes):
            raise KeyError
    except KeyError as error:
        raise MyoT2Error(
            expected="a signed message and tensors", found="other records", where=where, do="It was not used."
        ) from error
    return signed, arrays[SAFETENSORS].data if arrays else b""
