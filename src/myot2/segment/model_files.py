"""Of which files a backend's model consists: what a job of the workflow depends on."""

from __future__ import annotations

from pathlib import Path

from myot2.segment.weights import CHECKSUMS, SAFE


def model_files(backend: str, model: str | Path) -> list[str]:
    """Paths of the files of a model that its backend reads as they are, sorted; torch's weights are not among them.

    Parameters
    ----------
    backend : str
        A value of `segment.backend`.
    model : str or Path
        The value of `segment.model`.

    Returns
    -------
    list of str
        Files that the backend cannot do without are among them also where they are missing.
    """
    model = Path(model)
    weights = _weights(backend, model)
    if backend == "myot2":
        files = [model / name for name in ("model.json", "models/model.safetensors", CHECKSUMS)]
        files += [path for path in [model / "risk.json"] if path.is_file()]
    elif backend == "monai-bundle":
        files = [model / "configs" / "metadata.json", *sorted(model.glob("configs/inference.*"))]
    elif backend == "musclemap":
        files = [model.with_suffix(".json")]
    elif backend == "nnunet":
        described = [model / name for name in ("dataset.json", "plans.json", CHECKSUMS)]
        files = [*described, *model.glob("fold_*/checkpoint_final.pth")]
    else:
        files = [model / CHECKSUMS, *(path for path in model.rglob("*") if path.suffix in (".pth", ".json"))]
    if weights and weights.suffix == SAFE:
        files += [weights, *(path for path in [weights.with_name(CHECKSUMS)] if path.is_file())]
    return sorted(path.as_posix() for path in files)


def torch_weights(backend: str, model: str | Path) -> str | None:
    """The weights of a model that have to be converted to safetensors first, or None where there are none such."""
    weights = _weights(backend, Path(model))
    return weights.as_posix() if weights and weights.suffix != SAFE else None


def bundle_weights(folder: Path) -> Path:
    """The weights of a MONAI bundle: models/model.safetensors where it is there, else models/model.pt."""
    safe = folder / "models" / f"model{SAFE}"
    return safe if safe.is_file() else folder / "models" / "model.pt"


def _weights(backend: str, model: Path) -> Path | None:
    if backend == "monai-bundle":
        return bundle_weights(model)
    return model if backend == "musclemap" else None
