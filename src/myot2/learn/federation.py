"""The settings of a federation: who takes part, and by which rules a change of the common model counts."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError, model_validator

from myot2.core.config_section import Section
from myot2.core.errors import MyoT2Error
from myot2.learn.gate import Limits
from myot2.learn.messages import Name
from myot2.learn.signing import require_public_key

SETTINGS = "federation.yaml"


class Member(Section):
    """One hospital."""

    key: str = Field(description="public half of the site's signing key; a line that begins with ssh-ed25519")
    node: str = Field(description="public half of its transport key; a line that begins with ecdsa-sha2-nistp384")


class Rules(Section):
    """When a change of the common model counts."""

    minimum_sites: int = Field(2, ge=1, description="Fewer updates than this make no new model.")
    refusing_sites: int = Field(0, ge=0, description="So many sites may refuse a candidate, and it is still accepted.")
    clip_norm: float = Field(
        3.0, gt=0, description="Largest L2 norm of an update; sites scale theirs down to it, a larger one is refused."
    )
    most_people: int = Field(
        200,
        ge=1,
        description="A site that says to have learned from more people, in all or of a muscle, weighs as much as one "
        "with so many: nobody can check what it says.",
    )
    trim: int = Field(0, ge=0, description="Smallest and largest values over the sites that are left out of a mean.")
    update_loss: Limits = Field(
        Limits(generality_loss=0.05, generality_structure_loss=0.10, local_gain=None),
        description="Most that a single update may lose on the coordinator's synthetic people; looser than `limits`, "
        "for the mean of several is better than each.",
    )
    limits: Limits = Field(Limits(local_gain=None), description="Most that a candidate may lose.")


class Settings(Section):
    """federation.yaml of the coordinator."""

    name: Name = Field(description="of the federation, small letters, digits and hyphens")
    sites: dict[Name, Member] = {}
    rules: Rules = Rules()
    rounds: int = Field(3, ge=1, le=1000)
    wait_minutes: float = Field(
        60, gt=0, description="How long a round waits for a site that does not answer; the others then go on."
    )
    recipe: str = Field("config/learn/thigh.yaml", description="whose synthetic people the coordinator judges by")

    @model_validator(mode="after")
    def _own_keys(self) -> Settings:
        for kind in ("key", "node"):
            keys = [" ".join(getattr(member, kind).split()[:2]) for member in self.sites.values()]
            if len(set(keys)) < len(keys):
                raise ValueError(f"two sites have the same {kind}; each needs keys of its own")
        return self


def settings_of(content: object, path: str | Path) -> Settings:
    """Validate settings that are, or will be, in a file.

    Raises
    ------
    MyoT2Error
        A key is missing, unknown or out of range, all of them are named; or two sites have one key.
    """
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise MyoT2Error(
            expected="settings of a federation", found=found, where=path, do="Correct these keys."
        ) from error
    for member in settings.sites.values():
        require_public_key(member.key)
    return settings


def read_settings(path: str | Path) -> Settings:
    """Read the settings of a coordinator.

    Raises
    ------
    MyoT2Error
        The file is missing, is no YAML, or is refused by `settings_of`.
    """
    path = Path(path)
    if not path.is_file():
        raise MyoT2Error(
            expected=f"the federation's settings, {SETTINGS}",
            found="no such file",
            where=path,
            do="Begin one with scripts/serve_federation.py --begin.",
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise MyoT2Error(expected="settings of a federation", found="no YAML", where=path, do="Correct it.") from error
    return settings_of(content, path)
