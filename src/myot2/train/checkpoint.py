"""Checkpoints from which a training goes on exactly: weights, averaged weights and optimiser state, nothing pickled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json

STATE = "state.json"


def save_checkpoint(
    folder: Path, step: int, fingerprint: str, network: torch.nn.Module, average: torch.nn.Module, optimiser
) -> None:
    """Write the checkpoint of `step`; it exists whole or not at all, and replaces the one before.

    Parameters
    ----------
    folder : Path
        The training's folder; the checkpoint becomes `folder/checkpoint`.
    step : int
        Steps done.
    fingerprint : str
        Of the recipe, so that no training goes on under another one.
    network, average : torch.nn.Module
    optimiser : torch.optim.Optimizer
        AdamW or another whose state per parameter is tensors.
    """
    writing, final, old = folder / ".writing", folder / "checkpoint", folder / ".old"
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    save_file(_tensors(network), writing / "network.safetensors")
    save_file(_tensors(average), writing / "average.safetensors")
    state = optimiser.state_dict()["state"]
    flat = {f"{number}.{key}": value.contiguous() for number, values in state.items() for key, value in values.items()}
    save_file(flat, writing / "optimiser.safetensors")
    write_json(writing / STATE, {"step": step, "recipe": fingerprint})
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    writing.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, fingerprint: str, network: torch.nn.Module, average: torch.nn.Module, optimiser
) -> int:
    """Restore a training from its checkpoint; return the steps done, 0 where there is no checkpoint.

    Raises
    ------
    MyoT2Error
        The checkpoint belongs to another recipe.
    """
    source = next((path for path in (folder / "checkpoint", folder / ".old") if (path / STATE).is_file()), None)
    if source is None:
        return 0
    state = json.loads((source / STATE).read_text(encoding="utf-8"))
    if state["recipe"] != fingerprint:
        raise MyoT2Error(
            expected="a checkpoint of the same recipe",
            found="one of another recipe",
            where=source,
            do="Give another --work folder, or remove this one.",
        )
    network.load_state_dict(load_file(source / "network.safetensors"))
    average.load_state_dict(load_file(source / "average.safetensors"))
    whole = optimiser.state_dict()
    whole["state"] = {}
    for key, value in load_file(source / "optimiser.safetensors").items():
        number, name = key.split(".")
        whole["state"].setdefault(int(number), {})[name] = value
    optimiser.load_state_dict(whole)
    return int(state["step"])


def _tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
