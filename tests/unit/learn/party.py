"""A coordinator or a site of a small federation, as a program of its own; test_flower.py starts several of them.

Sites have people with two round muscles, whose images hold a marker and whose names are telling: what must not leave.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

import numpy as np

from myot2.learn.attempt import Site
from myot2.learn.examples import Example, annotated_in
from myot2.learn.federation import Member, Rules, Settings
from myot2.learn.gate import Limits
from myot2.learn.local import LocalWork, as_torch
from myot2.learn.recipe import LearningRecipe, read_learning_recipe
from myot2.learn.site import Identity
from myot2.learn.validation import measure
from myot2.learn.versions import start
from myot2.segment.model import ModelConfiguration, build_network, save_model

ROOT = Path(__file__).parents[3]
CONFIGURATION = ModelConfiguration(
    name="tiny",
    structures=("sartorius", "gracilis"),
    pixel_mm=4.0,
    crop_pixels=32,
    context=1,
    channels=(8, 16),
    strides=(2,),
    residual_units=1,
)
NAMES = ("east", "north", "west")
WHEN = "2026-11-29T00:00:00Z"
ROUNDS = 3
PERSON = "DOE-JANE-19480217"
MARKER = np.frombuffer(b"THIS-IS-A-PATIENT-IMAGE-" * 4, np.float32)
"""Sits in the first rows of every image, as float32 numbers; finite ones."""

ANYTHING = Limits(local_loss=1, local_gain=None, kept_loss=1, generality_loss=1, generality_structure_loss=1)


def people(site: str, count: int = 3) -> tuple[Example, ...]:
    """People of a site; each site's scanner is of another brightness."""
    rng = np.random.default_rng([len(site), *site.encode()])
    found = []
    for number in range(count):
        rows, columns = np.mgrid[:32, :32]
        labels = np.zeros((4, 32, 32), np.uint8)
        for channel, centre in ((1, (11, 11)), (2, (21, 20))):
            place = np.array(centre) + rng.integers(-2, 3, 2)
            labels[:, (rows - place[0]) ** 2 + (columns - place[1]) ** 2 < 25] = channel
        image = np.choose(labels, [0.0, 1.0 + 0.1 * len(site), -1.0]).astype(np.float32)
        image += rng.normal(0, 0.2, image.shape).astype(np.float32)
        image.reshape(4, -1)[:, : len(MARKER)] = MARKER * 1e-30
        found.append(
            Example(
                person=f"{PERSON}-{site}-{number}",
                name=f"sub-{PERSON}{number}_left",
                image=image,
                labels=labels,
                annotated=annotated_in(labels, 3),
                labelled=labels.any(axis=(1, 2)),
                drawn=np.ones(3, bool),
            )
        )
    return tuple(found)


def recipe() -> LearningRecipe:
    """The shipped recipe with few steps and without synthetic people to replay."""
    whole = read_learning_recipe(ROOT / "config/learn/thigh.yaml")
    few = {"threads": 1, "steps": 12, "slices": 4, "replay_slabs": 0, "peak_learning_rate": 0.01}
    return whole.model_copy(update={"tuning": whole.tuning.model_copy(update=few), "limits": ANYTHING})


def work_of(site: str, folder: Path) -> LocalWork:
    """What the site does."""
    examples = people(site)
    for one in examples:  # as images lie at a site
        path = folder / "images" / f"{one.name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, one.image)
    start(folder / "models", folder.parent / "model", when=WHEN)
    return LocalWork(
        configuration=CONFIGURATION,
        site=Site(examples[1:], examples[:1]),
        general=people("nobody", 1),
        recipe=recipe(),
        recipe_sha256="0" * 64,
        replay=None,
        models=folder / "models",
        when=lambda: WHEN,
    )


def examine(weights):
    """Dice on the coordinator's people."""
    return measure(as_torch(weights), people("nobody", 1), CONFIGURATION, threads=1).drawn


def prepare(folder: Path, hosts: tuple[str, ...] = ()) -> None:
    """Keys, certificates, the first model and the settings of a federation."""
    import torch

    from myot2.learn.certificates import make_certificates, make_node_key
    from myot2.learn.signing import make_key

    torch.manual_seed(3)
    save_model(folder / "model", CONFIGURATION, [build_network(CONFIGURATION)])
    make_key(folder / "coordinator/signing.key")
    make_certificates(folder / "coordinator/tls", hosts)
    members = {}
    for name in NAMES:
        key, node = make_key(folder / name / "signing.key"), make_node_key(folder / name / "node.key")
        members[name] = Member(key=key, node=node)
    (folder / "coordinator/sites.json").write_text(json.dumps({n: m.model_dump() for n, m in members.items()}))
    start(folder / "coordinator/models", folder / "model", when=WHEN)


def settings(folder: Path, rounds: int = ROUNDS) -> Settings:
    """Who takes part."""
    members = json.loads((folder / "coordinator/sites.json").read_text())
    rules = Rules(clip_norm=50.0, update_loss=ANYTHING, limits=ANYTHING)
    return Settings(name="tiny-thighs", sites=members, rules=rules, rounds=rounds, wait_minutes=4)


def identity(folder: Path, site: str) -> Identity:
    """Who a site is."""
    from myot2.learn.signing import public_of, read_key

    coordinator = public_of(read_key(folder / "coordinator/signing.key"))
    return Identity("tiny-thighs", site, read_key(folder / site / "signing.key"), coordinator)


def main(argv: list[str]) -> None:
    """Be a coordinator or a site until the work is done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["prepare", "coordinator", "reference", *NAMES])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--authority", type=Path)
    parser.add_argument("--node-key", type=Path)
    parser.add_argument("--place")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if options.role == "prepare":
        prepare(options.folder)
    elif options.role == "reference":
        play_without_transport(options.folder, options.rounds)
    elif options.role == "coordinator":
        coordinate(options.folder, options.port, options.rounds)
    else:
        take_part(options)


def coordinate(folder: Path, port: int, rounds: int) -> None:
    """Serve."""
    from myot2.learn.aggregate import head_axes
    from myot2.learn.flower.coordinator import Coordinator, serve
    from myot2.learn.signing import read_key

    home = folder / "coordinator"
    coordinator = Coordinator(
        folder=home,
        settings=settings(folder, rounds),
        key=read_key(home / "signing.key"),
        configuration=CONFIGURATION,
        head=head_axes(CONFIGURATION),
        examine=examine,
        report=say,
    )
    serve(coordinator, host="127.0.0.1", port=port, tls=home / "tls")


def play_without_transport(folder: Path, rounds: int) -> None:
    """The same rounds by the functions alone: what the transport must not change."""
    from myot2.learn import messages
    from myot2.learn.aggregate import head_axes
    from myot2.learn.round import open_round
    from myot2.learn.rounds import close, propose, take_report, take_update
    from myot2.learn.signing import read_key
    from myot2.learn.site import answer

    prepare(folder)
    key, known = read_key(folder / "coordinator/signing.key"), {"structures": CONFIGURATION.structures, "when": WHEN}
    works = {site: work_of(site, folder / site) for site in NAMES}

    def ask(this, site, kind, weights):
        order = this.order(site, kind, weights, key)
        return answer(folder / site, order, weights, who=identity(folder, site), work=works[site], when=WHEN)

    for _ in range(rounds):
        this = open_round(folder / "coordinator", settings(folder, rounds), when=WHEN)
        for site in NAMES:
            sent = ask(this, site, messages.LEARN, this.parent_weights())
            assert take_update(this, site, sent.message, sent.tensors, examine=examine, **known).accepted
        candidate = propose(this, head=head_axes(CONFIGURATION), examine=examine, **known)
        for site in NAMES:
            assert take_report(this, site, ask(this, site, messages.JUDGE, candidate).message, **known).accepted
        made = close(this, CONFIGURATION, when=WHEN)
    say(made.weights_sha256)


def take_part(options: argparse.Namespace) -> None:
    """Join."""
    from myot2.learn.flower import node, tasks
    from myot2.learn.joining import RenewedWork

    node.AGAIN, tasks.INPUT = 5, 15  # seconds; a test has not so much time as a hospital
    if not options.place:  # no stranger: where a killed coordinator did not see its end, it is let in after a minute
        node.TRIES = 20
    place = options.folder / (options.place or options.role)
    node.join(
        place,
        who=identity(options.folder, options.role),
        work=RenewedWork(lambda: work_of(options.role, place)),
        address=f"127.0.0.1:{options.port}",
        authority=options.authority or options.folder / "coordinator/tls/ca.crt",
        node_key=options.node_key or options.folder / options.role / "node.key",
        report=say,
    )


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
