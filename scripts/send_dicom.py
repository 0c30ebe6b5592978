"""Send a scan's DICOM objects: to a folder, or to an archive by STOW-RS or C-STORE.

All objects are held against the DICOM folder that the results were made of before the first is sent: one of another
patient, study or frame of reference stops everything. Objects under pseudonyms (export.identity) are known as such.

Destinations: a folder; dicomweb+https://HOST/PATH; dimse://AE@HOST:PORT. docs/how-to/pacs.md says how secrets go.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic
from myot2.core.stopnote import raise_if_stopped
from myot2.ingest.choosing.choices import scan_named
from myot2.ingest.identity import hide_header_text, read_key
from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.source import is_source
from myot2.ingest.reading.elements import quiet_pydicom
from myot2.ingest.reading.files import find_dicom_files


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    with quiet_pydicom():
        return run_stage("export", lambda: send(options), outputs=[], leave_stop_notes=False)


def send(options: argparse.Namespace) -> None:
    """Check all objects, then send them."""
    for path in options.objects:
        raise_if_stopped(path)
    require_belonging(options)
    if is_source(options.to):
        # only here: the network is loaded for nothing else
        from myot2.ingest.pacs.deliver import deliver

        deliver(options.objects, options.to, _access(options))
    else:
        copy(options.objects, Path(options.to) / options.scan.name)
    print(f"sent: {len(options.objects)}")


def require_belonging(options: argparse.Namespace) -> None:
    """Refuse objects that do not belong to the examination."""
    import pydicom

    from myot2.export.dicom.belonging import examination_of
    from myot2.export.dicom.identity import Identities

    keyed = read_key(options.key)
    identities = [Identities(keyed.of, policy, options.scan.participant_id) for policy in ("keep", "pseudonym")]
    files = [file.path for file in find_dicom_files(options.dicom)]
    examinations = [examination_of(files, identity) for identity in identities]
    for path in options.objects:
        try:
            made = pydicom.dcmread(path, stop_before_pixels=True)
        except (OSError, pydicom.errors.InvalidDicomError) as error:
            raise MyoT2Error(
                expected="a DICOM object",
                found="no such file" if not path.is_file() else "something else",
                where=path,
                do="Make it anew with export_dicom.",
            ) from error
        pseudonym = made.get("PatientIdentityRemoved") == "YES"
        examinations[pseudonym].require(made, path)


def copy(objects: list[Path], folder: Path) -> None:
    """Put objects into a folder; one of the same name that is another stays, and is told."""
    for path in objects:
        target = folder / path.name
        content = path.read_bytes()
        if target.exists() and target.read_bytes() != content:
            raise MyoT2Error(
                expected="a folder without another object of this name",
                found="one that is there",
                where=target,
                do="Move the old one away.",
            )
        with atomic(target) as temporary:
            temporary.write_bytes(content)


def _access(options: argparse.Namespace) -> Access:
    named = ("calling_ae", "timeout", "ca_bundle", "plain_http", "user_variable", "password_variable")
    return Access(**{name: getattr(options, name) for name in (*named, "token_variable", "netrc")})


def _parser() -> argparse.ArgumentParser:
    access = Access()
    parser = stage_parser(__doc__)
    parser.add_argument("objects", type=Path, nargs="+", help="DICOM objects of the scan, as export_dicom makes them")
    parser.add_argument("--to", required=True, help="folder, dicomweb+https://HOST/PATH or dimse://AE@HOST:PORT")
    parser.add_argument("--scan", type=scan_named, required=True, help="sub-01 or sub-01_ses-1")
    parser.add_argument("--dicom", type=Path, required=True, help="folder with the DICOM files of the scan")
    parser.add_argument("--key", type=Path, required=True, help="file with the site's secret (ingest.key)")
    parser.add_argument("--calling-ae", default=access.calling_ae, help="our AE title (DIMSE)")
    parser.add_argument("--timeout", type=float, default=access.timeout, help="seconds for a connection or an answer")
    parser.add_argument("--ca-bundle", help="certificates to trust (PEM), in place of the usual ones")
    parser.add_argument("--plain-http", action="store_true", help="allow DICOMweb without TLS beyond this machine")
    parser.add_argument("--user-variable", help="environment variable with the user name")
    parser.add_argument("--password-variable", help="environment variable with the password")
    parser.add_argument("--token-variable", help="environment variable with a bearer token")
    parser.add_argument("--netrc", help="netrc file with user and password")
    return parser


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
