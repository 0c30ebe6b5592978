"""The XML header of an ISMRMRD file, by the schema; leniently where a newer schema has elements that this one lacks."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from myot2.core.errors import MyoT2Error
from myot2.reconstruct.readouts import Encoding, ScanHeader

if TYPE_CHECKING:
    from ismrmrd.xsd import encodingType, ismrmrdHeader


def read_header(text: bytes, where: str) -> ScanHeader:
    """The header of a file.

    Raises
    ------
    MyoT2Error
        It is no XML, lacks what the schema requires, or what Cartesian multi-echo data need: encoded and image matrix,
        field of view, the centre of k-space; or the trajectory is another.
    """
    header, notes = _parse(text, where)
    if not header.encoding:
        raise _lacking("an encoding", where)
    encodings = tuple(_encoding(encoding, where) for encoding in header.encoding)
    limits, sequence, system = (
        header.encoding[0].encodingLimits,
        header.sequenceParameters,
        header.acquisitionSystemInformation,
    )
    return ScanHeader(
        encodings=encodings,
        echo_times_ms=tuple(float(time) for time in (sequence.TE if sequence else ())),
        echoes=_count(limits, "contrast"),
        slices=_count(limits, "slice"),
        noise_bandwidth=getattr(system, "relativeReceiverNoiseBandwidth", None),
        coil_names=tuple(
            label.coilName for label in sorted(getattr(system, "coilLabel", ()), key=lambda label: label.coilNumber)
        ),
        facts=_facts(header),
        notes=notes,
    )


def _parse(text: bytes, where: str) -> tuple[ismrmrdHeader, tuple[str, ...]]:
    # a tenth of a second to import, which only readers of raw data need
    from ismrmrd import xsd
    from xsdata.exceptions import ConverterWarning
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.config import ParserConfig

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConverterWarning)
            return xsd.CreateFromDocument(text), ()
    # the parser passes on what the XML library, the converters and the classes of the schema raise
    except Exception as strict:
        lenient = XmlParser(config=ParserConfig(fail_on_unknown_properties=False, fail_on_unknown_attributes=False))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConverterWarning)
                header = lenient.from_bytes(text, xsd.ismrmrdHeader)
        except Exception as error:
            raise MyoT2Error(
                expected="an XML header by the ISMRMRD schema",
                found=f"one that cannot be read ({_safe(error)})",
                where=where,
                do="Convert the scanner's file again, or correct the header by the schema.",
            ) from error
        said = f"header read leniently: it has elements that the schema of ismrmrd 1.15 lacks ({_safe(strict)})"
        return header, (said,)


def _encoding(encoding: encodingType, where: str) -> Encoding:
    if encoding.trajectory is None or encoding.trajectory.value != "cartesian":
        raise MyoT2Error(
            expected="a Cartesian trajectory",
            found=str(getattr(encoding.trajectory, "value", None)),
            where=where,
            do="Give Cartesian multi-echo data; other trajectories are not reconstructed here.",
        )
    lines = encoding.encodingLimits and encoding.encodingLimits.kspace_encoding_step_1
    if lines is None:
        raise _lacking("encodingLimits/kspace_encoding_step_1, which says where the centre of k-space is", where)
    space, image = encoding.encodedSpace, encoding.reconSpace
    size, extent = space.matrixSize, space.fieldOfView_mm
    lengths = (extent.x, extent.y, extent.z, image.fieldOfView_mm.x)
    if min(size.x, size.y, size.z) < 1 or not all(0 < length < 1e4 for length in lengths):
        found = (
            f"a matrix of {size.x} x {size.y} x {size.z} on {' x '.join(f'{length:g}' for length in lengths[:3])} mm"
        )
        raise MyoT2Error(
            expected="a matrix and a field of view above zero", found=found, where=where, do="Correct the header."
        )
    if not 0 <= lines.center < size.y:
        raise MyoT2Error(
            expected=f"a centre of k-space within the {size.y} encoded lines",
            found=f"line {lines.center}",
            where=where,
            do="Correct encodingLimits/kspace_encoding_step_1/center in the header.",
        )
    return Encoding(size.x, size.y, size.z, (extent.x, extent.y, extent.z), image.fieldOfView_mm.x, lines.center)


def _count(limits: Any, name: str) -> int | None:
    limit = getattr(limits, name, None)
    return None if limit is None else limit.maximum + 1


def _facts(header: ismrmrdHeader) -> dict[str, Any]:
    """Of the scan only: nothing that names a person, a place or a time."""
    sequence, system, measurement = (
        header.sequenceParameters,
        header.acquisitionSystemInformation,
        header.measurementInformation,
    )
    flips = sequence.flipAngle_deg if sequence else []
    refocusing = [float(flip) for flip in flips if flip > 90]
    return {
        "tr_ms": float(sequence.TR[0]) if sequence and sequence.TR else None,
        "field_t": getattr(system, "systemFieldStrength_T", None),
        # converters write the angle of the refocusing train; one of 90 degrees is that of the excitation
        "refocusing_deg": refocusing[-1] if refocusing else None,
        "vendor": getattr(system, "systemVendor", None),
        "model": getattr(system, "systemModel", None),
        "protocol": getattr(measurement, "protocolName", None),
    }


def _lacking(what: str, where: str) -> MyoT2Error:
    return MyoT2Error(expected="a complete ISMRMRD header", found=f"none with {what}", where=where, do="Convert again.")


def _safe(error: Exception) -> str:
    """What may be told of an error: its kind and the element. The value may be a name or a birthday, and is not."""
    element = re.search(r"(?:Unknown (?:property|attribute)|convert value for) `?([^\s`]+)", str(error))
    return type(error).__name__ + (f": {element[1]}" if element else "")
