"""What a file is called in records, and where the audit of a run lies.

Records are to be shown to others, so no path of the site's own may stand in them: a folder of DICOM files may be called
after a patient. Results and the project's own files keep their names; everything else gets a pseudonym, an HMAC-SHA256
under a random key that never leaves the folder audit/private. That folder, which its owner alone can read, also says
where a pseudonym's file is: `make audit` finds the file, and who has the ledger alone does not.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.files import read_json, write_json

RESULTS = "<results>/"
OUTSIDE = "<outside>/"
_WRITING = threading.Lock()
OWN_FOLDERS = ("config", "envs", "report", "resources", "rules", "scripts", "src")


@dataclass(frozen=True)
class Places:
    """The names of a run's files.

    Attributes
    ----------
    results : Path
        The folder of the results; the audit lies in its folder audit/.
    project : Path
        The folder in which the workflow runs, to which relative paths belong.
    """

    results: Path
    project: Path

    @property
    def audit(self) -> Path:
        """The folder of records and ledger."""
        return self.results / "audit"

    @property
    def private(self) -> Path:
        """The folder of what stays at the site."""
        return self.audit / "private"

    def name(self, path: str | Path) -> str:
        """The name of a file or folder in records; a pseudonym's place is written down in the private folder."""
        full = Path(os.path.abspath(self.project / path))
        for root, prefix in ((self.results, RESULTS), (self.project, "")):
            if full.is_relative_to(os.path.abspath(root)):
                inside = full.relative_to(os.path.abspath(root)).as_posix()
                if prefix or inside.split("/")[0] in OWN_FOLDERS:
                    return prefix + inside
        return self._pseudonym(full)

    def is_outside(self, path: str | Path) -> bool:
        """Whether a path would get a pseudonym; nothing is written down."""
        full = Path(os.path.abspath(self.project / path))
        own = [self.results, *(self.project / folder for folder in OWN_FOLDERS)]
        return not any(full.is_relative_to(os.path.abspath(folder)) for folder in own)

    def path(self, name: str) -> Path | None:
        """Where the file of a name is; None where a pseudonym's place is not known here."""
        if name.startswith(RESULTS):
            return self.results / name.removeprefix(RESULTS)
        if not name.startswith(OUTSIDE):
            return self.project / name
        told = read_json(self.private / "places" / f"{name.removeprefix(OUTSIDE)}.json")
        path = told.get("path") if isinstance(told, dict) else None
        return Path(path) if isinstance(path, str) else None

    def _pseudonym(self, full: Path) -> str:
        digest = hmac.new(self._key, str(full).encode(), hashlib.sha256).hexdigest()[:16]
        told = self.private / "places" / f"{digest}.json"
        with _WRITING:
            if not told.exists():
                write_json(told, {"path": str(full)})
        return OUTSIDE + digest

    @cached_property
    def _key(self) -> bytes:
        """The random key; jobs that start together agree on the first that was written."""
        path = self.private / "key"
        self.private.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            own = path.with_name(f"key-{os.getpid()}-{secrets.token_hex(4)}")
            own.touch(mode=0o600)
            own.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
            try:
                os.link(own, path)
            except FileExistsError:
                pass
            finally:
                own.unlink()
        try:
            return bytes.fromhex(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise MyoT2Error(
                expected="64 hexadecimal digits, the key of the names of files outside of the results",
                found=f"no such text ({type(error).__name__})",
                where=path,
                do="Restore it from a copy, or delete it: the next run makes another, and names such files anew.",
            ) from error
