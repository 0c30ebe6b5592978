"""Weights of other models: checked against a listed SHA-256, converted once to safetensors, loaded from there.

A file of PyTorch is a pickle. It is opened here alone, with `weights_only=True` (which makes tensors and nothing else),
after its SHA-256 was found in a list: the safe reader has had holes, and a list says that this is the file that was
meant. Everything else reads safetensors, which holds numbers and names.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import atomic, sha256, write_text

if TYPE_CHECKING:
    import torch

CHECKSUMS = "SHA256SUMS"
SAFE = ".safetensors"

_NESTED = ("model", "state_dict", "network")
"""Keys under which trainers keep the weights beside the state of the optimiser."""

_SOURCE = "source_sha256"

_HARMLESS = re.compile(
    r"torch\._utils\._rebuild_(tensor_v2|parameter)|torch\.\w+Storage|torch\.(device|Size)|collections\.OrderedDict"
    r"|numpy\.(_core|core)\.multiarray\.(scalar|_reconstruct)|numpy\.(dtype|ndarray)|_codecs\.encode"
)
"""What tensors and numpy's numbers are made by in a file of torch.save."""

_OTHER_CALLS = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "PERSID", "EXT1", "EXT2", "EXT4"}
"""Operations of a pickle that torch.save does not use, and that could call what is not named in plain text."""


def read_checksums(path: str | Path) -> dict[str, str]:
    """Path and digest of each line of a file as `sha256sum` writes it."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.strip().removeprefix("*").removeprefix("./"): digest.lower() for digest, name in pairs}


def require_listed(path: str | Path, digest: str | None = None, *, folder: str | Path | None = None) -> str:
    """Refuse a file whose SHA-256 is not the one that was listed for it; return the SHA-256.

    Parameters
    ----------
    path : str or Path
        The file of weights.
    digest : str, optional
        The SHA-256 that it must have.
    folder : str or Path, optional
        Where, without `digest`, the file SHA256SUMS lies that lists the file by its path from there; the file's own
        folder by default.

    Raises
    ------
    MyoT2Error
        The file is missing, is not listed, or differs.
    """
    path, folder = Path(path), Path(folder or Path(path).parent)
    if not path.is_file():
        raise MyoT2Error(expected="a file of weights", found="no such file", where=path, do="Check segment.model.")
    listed = digest
    if listed is None and (folder / CHECKSUMS).is_file():
        listed = read_checksums(folder / CHECKSUMS).get(path.relative_to(folder).as_posix())
    found = sha256(path)
    if listed is None:
        raise MyoT2Error(
            expected=f"the SHA-256 of the weights, in {folder.name}/{CHECKSUMS} or as segment.weights_sha256",
            found="none",
            where=path,
            do=f"Take it from where the model was published, compare, and list it. This file has {found}.",
        )
    if listed != found:
        raise MyoT2Error(
            expected=f"SHA-256 {listed}",
            found=found,
            where=path,
            do="The file was changed or damaged, or is another version: restore it from its source.",
        )
    return found


def convert_weights(path: str | Path, out: str | Path, digest: str | None = None) -> None:
    """Write a PyTorch file of weights as safetensors, with SHA256SUMS beside it; equal weights give equal bytes.

    Parameters
    ----------
    path : str or Path
        Written by `torch.save`: tensors by name, alone or under `model`, `state_dict` or `network`.
    out : str or Path
        Ends in .safetensors. Its header keeps the SHA-256 of the original.
    digest : str, optional
        As `require_listed` takes it.

    Raises
    ------
    MyoT2Error
        The weights are not listed, hold more than tensors of known kinds, or are not where they are looked for.
    """
    import torch
    from safetensors.torch import save

    source = require_listed(path, digest)
    out = Path(out)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the reader meets in a file that is none of its own
        raise _no_weights(f"a file that its safe reader refuses ({_first_line(error)})", path) from error
    state = {name: tensor.detach().clone().contiguous() for name, tensor in sorted(_tensors(content, path).items())}
    with atomic(out) as temporary:
        temporary.write_bytes(save(state, {_SOURCE: source}))
    _list(out)


def _list(path: Path) -> None:
    """Enter a file into SHA256SUMS of its folder; what the list says of other files stays."""
    sums = path.parent / CHECKSUMS
    listed = {**(read_checksums(sums) if sums.is_file() else {}), path.name: sha256(path)}
    write_text(sums, "".join(f"{digest}  {name}\n" for name, digest in sorted(listed.items())))


def _tensors(content: Any, path: str | Path) -> dict[str, torch.Tensor]:
    import torch

    def is_state(candidate: Any) -> bool:
        return isinstance(candidate, Mapping) and candidate and all(map(torch.is_tensor, candidate.values()))

    if is_state(content):
        return dict(content)
    keys = list(content) if isinstance(content, Mapping) else []
    states = [key for key in _NESTED if key in keys and is_state(content[key])]
    if len(states) != 1:
        shown = f"the keys {', '.join(map(str, keys[:8]))}" if keys else f"a {type(content).__name__}"
        raise _no_weights(shown, path)
    return dict(content[states[0]])


def load_weights(network: torch.nn.Module, path: str | Path, digest: str | None = None) -> str:
    """Put weights into a network; return the SHA-256 of the weights as they were published.

    Parameters
    ----------
    network : torch.nn.Module
        Of the architecture that the weights were trained for.
    path : str or Path
        A safetensors file.
    digest : str, optional
        As `require_listed` takes it.

    Raises
    ------
    MyoT2Error
        The file is no safetensors, is not listed, or has other names or shapes than the network.
    """
    from safetensors import SafetensorError, safe_open

    if Path(path).suffix != SAFE:
        raise MyoT2Error(
            expected="weights as safetensors",
            found=f"a file ending in {Path(path).suffix!r}",
            where=path,
            do="Convert them once with scripts/convert_weights.py, and give the new file as --weights.",
        )
    found = require_listed(path, digest)
    try:
        with safe_open(path, "pt") as handle:
            source = (handle.metadata() or {}).get(_SOURCE, found)
            state = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 (no mapping)
        network.load_state_dict(state)
    except (RuntimeError, SafetensorError) as error:
        raise MyoT2Error(
            expected="weights that fit the network's definition",
            found=_first_line(error),
            where=path,
            do="Take both from the same version of the model.",
        ) from error
    return source


def require_only_numbers(path: str | Path) -> None:
    """Refuse a checkpoint that holds more than tensors and numpy's numbers, without opening it.

    For programs that unpickle their own checkpoints: the names of all that the file would call are read from it.

    Raises
    ------
    MyoT2Error
        The checkpoint would call something else, or is no archive of torch.save.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [archive.read(entry) for entry in archive.infolist() if entry.filename.endswith(".pkl")]
        foreign = {name for content in pickles for name in _called(content) if not _HARMLESS.fullmatch(name)}
    except (zipfile.BadZipFile, ValueError) as error:
        raise _no_weights(f"no archive of torch.save ({_first_line(error)})", path) from error
    if foreign:
        raise _no_weights(f"calls of {', '.join(sorted(foreign)[:5])}", path)


def _called(content: bytes) -> Iterator[str]:
    """Dotted names of all functions and classes that unpickling would look up."""
    for operation, argument, _ in pickletools.genops(content):
        if operation.name == "GLOBAL":
            yield str(argument).replace(" ", ".")
        elif operation.name in _OTHER_CALLS:
            yield operation.name


def _no_weights(found: str, where: str | Path) -> MyoT2Error:
    return MyoT2Error(
        expected="tensors by name, as torch.save(network.state_dict()) writes them",
        found=found,
        where=where,
        do="Ask for the weights alone, best as safetensors: a file of more can run code when it is opened.",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
