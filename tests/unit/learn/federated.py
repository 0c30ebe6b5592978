"""A small federation for the tests: a tiny network, sites with keys, and work that is told what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from myot2.learn import messages
from myot2.learn.aggregate import head_axes
from myot2.learn.federation import Member, Rules, Settings
from myot2.learn.messages import Measure, Order
from myot2.learn.round import open_round
from myot2.learn.rounds import close, propose, take_declined, take_report, take_update
from myot2.learn.site import Identity, Judged, Learned, answer
from myot2.learn.updates import model_digest
from myot2.learn.versions import start
from myot2.segment.model import ModelConfiguration, build_network, save_model

STRUCTURES = ("sartorius", "gracilis", "femur")
CONFIGURATION = ModelConfiguration(
    name="tiny",
    structures=STRUCTURES,
    pixel_mm=2.0,
    crop_pixels=16,
    context=1,
    channels=(4, 8),
    strides=(2,),
    residual_units=1,
)
HEAD = head_axes(CONFIGURATION)
WHEN = "2026-11-29T00:00:00Z"


def tiny_model(folder: Path, seed: int = 1) -> Path:
    """A model folder with random weights."""
    import torch

    torch.manual_seed(seed)
    save_model(folder, CONFIGURATION, [build_network(CONFIGURATION)])
    return folder


@dataclass
class Party:
    """A coordinator with its folder, and the identities of its sites."""

    folder: Path
    settings: Settings
    key: object
    sites: dict[str, Identity]

    @classmethod
    def of(cls, folder: Path, names: tuple[str, ...] = ("east", "north", "west"), **rules) -> Party:
        from myot2.learn.signing import make_key, public_of, read_key

        coordinator = make_key(folder / "coordinator.key")
        sites, members = {}, {}
        for name in names:
            make_key(folder / f"{name}.key")
            key = read_key(folder / f"{name}.key")
            members[name] = Member(key=public_of(key), node=f"ecdsa-sha2-nistp384 {name}")
            sites[name] = Identity("thighs", name, key, coordinator)
        settings = Settings(name="thighs", sites=members, rules=Rules(**{"clip_norm": 2.0} | rules))
        home = folder / "coordinator"
        start(home / "models", tiny_model(folder / "model"), when=WHEN)
        return cls(home, settings, read_key(folder / "coordinator.key"), sites)


@dataclass
class Told:
    """Work of a site that moves all weights by `step`, and says of itself what it is told."""

    step: float = 0.01
    people: int = 4
    people_of: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STRUCTURES, 4))
    accepts: bool = True
    learnt: int = 0
    kept: list[str] = field(default_factory=list)

    def model_sha256(self):
        return model_digest(CONFIGURATION)

    def learn(self, order, weights):
        self.learnt += 1
        moved = {name: (values + np.float32(self.step)).astype(np.float32) for name, values in weights.items()}
        measured = {"sartorius": Measure(People=1, Before=0.5, After=0.6)}
        return Learned(moved, self.people, self.people_of, measured, "0" * 64)

    def judge(self, before, after):
        lost = () if self.accepts else ("gracilis",)
        return Judged(self.accepts, lost, {"gracilis": Measure(People=1, Before=0.5, After=0.4)}, 0.0)

    def keep(self, order: Order, weights: bytes):
        self.kept.append(order.WeightsSha256)


def steady(weights):
    """An examination that finds every model as good as any other, whose numbers are finite."""
    fine = all(np.isfinite(values).all() for values in weights.values())
    return {"synthetic-0": dict.fromkeys(STRUCTURES, 0.8 if fine else float("nan"))}


def play(party: Party, work: dict[str, Told], *, examine=steady, alter=None):
    """One round with all sites of `work`; `alter(site, answer)` stands for what an attacker makes of an answer."""
    this = open_round(party.folder, party.settings, when=WHEN)
    outcomes = {}
    for site, told in work.items():
        sent = ask(party, this, site, told, messages.LEARN, this.parent_weights())
        message, tensors = alter(site, sent) if alter else (sent.message, sent.tensors)
        if not tensors:
            outcomes[site] = take_declined(this, site, message, when=WHEN)
            continue
        outcomes[site] = take_update(this, site, message, tensors, structures=STRUCTURES, examine=examine, when=WHEN)
    candidate = propose(this, structures=STRUCTURES, head=HEAD, examine=examine, when=WHEN)
    if candidate:
        for site, told in work.items():
            report = ask(party, this, site, told, messages.JUDGE, candidate)
            assert take_report(this, site, report.message, structures=STRUCTURES, when=WHEN).accepted
    return outcomes, close(this, CONFIGURATION, when=WHEN)


def ask(party: Party, this, site: str, told: Told, kind: str, weights: bytes):
    order = this.order(site, kind, weights, party.key)
    return answer(party.folder.parent / site, order, weights, who=party.sites[site], work=told, when=WHEN)
