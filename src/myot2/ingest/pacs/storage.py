"""What is taken from an archive: which classes of objects, stored in which way."""

from __future__ import annotations

MR_STORAGE = {
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "enhanced MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "legacy converted enhanced MR",
}
"""The storage classes that are asked for (PS3.4 B.5); all others of a study stay where they are."""

LOSSLESS = {
    "1.2.840.10008.1.2.1": "explicit little endian",
    "1.2.840.10008.1.2": "implicit little endian",
    "1.2.840.10008.1.2.2": "explicit big endian",
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless, first-order prediction",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
}
"""The transfer syntaxes that the reader takes (PS3.6 table A-1). A test holds them against `ingest.pixels`, which is
not imported: what reading learns is no reason to fetch everything anew."""
