"""A coordinator or a site that is killed at any moment goes on, and what comes of it is what would have come."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from federated import Party, Told, play

from myot2.learn.ledger import records_of
from myot2.learn.round import CLOSED
from myot2.learn.versions import current, versions

pytest.importorskip("cryptography", reason="signatures need cryptography (envs/develop.lock)")


class Killed(BaseException):
    """The machine stopped."""


def places_of_failure(monkeypatch, at: int, after: bool) -> None:
    """Stop just before, or after, the at-th writing to the disk, of files and of ledgers."""
    import myot2.learn.ledger as ledger
    import myot2.learn.round as round_
    import myot2.learn.rounds as rounds
    import myot2.learn.site as site
    import myot2.learn.versions as versions_

    count = iter(range(10_000))

    def dying(function):
        def wrapped(*args, **kwargs):
            number = next(count)
            if number == at and not after:
                raise Killed
            result = function(*args, **kwargs)
            if number == at:
                raise Killed
            return result

        return wrapped

    for module in (rounds, site):
        monkeypatch.setattr(module, "write_bytes", dying(module.write_bytes))
    for module in (round_, rounds, site, versions_):
        monkeypatch.setattr(module, "append", dying(ledger.append))
    for module in (round_, rounds):
        monkeypatch.setattr(module, "write_json", dying(module.write_json))
    monkeypatch.setattr(versions_, "_settle", dying(versions_._settle))


def test_a_coordinator_or_site_that_is_killed_at_any_moment_goes_on_and_no_round_is_lost(tmp_path):
    def run(folder: Path, at: int | None, after: bool = False):
        party = Party.of(folder, ("east", "north"))
        work = {site: Told(step=0.01 * len(site)) for site in party.sites}
        with pytest.MonkeyPatch.context() as patch:
            if at is not None:
                places_of_failure(patch, at, after)
            try:
                _, made = play(party, work)
                killed = False
            except Killed:
                killed = True
        if killed:
            play(party, work)
        closed = [one for one in records_of(party.folder) if one["Event"] == CLOSED]
        assert [one["Round"] for one in closed] == list(range(1, len(closed) + 1))
        assert all(one["Accepted"] for one in closed)
        return killed, versions(party.folder / "models")[1].weights_sha256

    _, undisturbed = run(tmp_path / "undisturbed", None)
    for at, after in product(range(200), (False, True)):
        killed, weights_sha256 = run(tmp_path / f"{at}-{after}", at, after)
        if not killed:
            break
        assert weights_sha256 == undisturbed, f"killed {'after' if after else 'before'} write {at}"
    assert at > 20


def test_a_round_that_made_its_version_and_was_killed_before_it_was_closed_is_not_taken_for_a_left_one(
    tmp_path, monkeypatch
):
    import myot2.learn.rounds as rounds

    party = Party.of(tmp_path)
    work = {site: Told() for site in party.sites}
    write = rounds.append

    def dying(folder, record):
        if record["Event"] == CLOSED:
            raise Killed
        write(folder, record)

    with monkeypatch.context() as patch:
        patch.setattr(rounds, "append", dying)
        with pytest.raises(Killed):
            play(party, work)
    assert current(party.folder / "models").number == "1.1.0"
    _, made = play(party, work)
    assert made.number == "1.1.0" and records_of(party.folder)[-1]["Round"] == 1
