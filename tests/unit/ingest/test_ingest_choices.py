"""The edited series table wins: what a person has decided is taken, and what cannot be is refused with its reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ingest_dicom_builder import (
    DIXON,
    Plan,
    axial_volume,
    dixon_plan,
    mese_plan,
    planes,
    t2_map_plan,
    write,
    write_plans,
)

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image
from myot2.core.scans import Scan
from myot2.core.tables import read_table, write_tsv
from myot2.ingest.choosing.choices import choices_digest, read_choices, scan_named
from myot2.ingest.choosing.selection import propose
from myot2.ingest.identity import Pseudonyms, make_key
from myot2.ingest.reading.headers import read_index
from myot2.ingest.records import SERIES_COLUMNS, series_rows
from myot2.ingest.stacking.joining import find_stacks
from myot2.ingest.stage import Order, ingest

SCAN = Scan("01", "1")
OTHER_TIMES = (8.0, 16.0, 24.0, 32.0, 40.0)


def two_trains(folder):
    """Two protocols that fit alike: without a person's word this participant stops."""
    other = mese_plan(9, echo_times=OTHER_TIMES, time="110000")
    return write_plans(folder, mese_plan(7), other, t2_map_plan(8), Plan(3, axial_volume(), scanning_sequence="GR"))


class Folder:
    """A DICOM folder, its series table as `make index` writes it, and the order with that table."""

    def __init__(self, folder, dicom, echoes=5):
        self.folder, self.dicom, self.table = folder, dicom, folder / "series.tsv"
        make_key(folder / "key")
        pseudonyms = Pseudonyms(bytes.fromhex((folder / "key").read_text().strip()))
        rows = series_rows(propose(find_stacks(read_index(dicom).frames)), SCAN, pseudonyms)
        self.rows = pd.DataFrame(rows, columns=list(SERIES_COLUMNS), dtype=object)
        self.order = Order(
            folder / "out.tsv",
            echoes=[folder / f"{number}.nii.gz" for number in range(echoes)],
            scan=SCAN,
            key=folder / "key",
            choices=self.table,
        )

    def edit(self, **by_series):
        """Write cells: `s7={"taken": "yes"}` for series 7."""
        for series, cells in by_series.items():
            for column, cell in cells.items():
                self.rows.loc[self.rows["series"] == series[1:], column] = cell
        write_tsv(self.rows, self.table)
        return self

    def ingest(self, order=None):
        ingest(self.dicom, order or self.order)
        return read_table(self.order.series_table).set_index("series")

    def refusal(self, order=None):
        with pytest.raises(MyoT2Error) as caught:
            ingest(self.dicom, order or self.order)
        return caught.value


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path, two_trains(tmp_path / "dicom"))


def test_an_ambiguity_is_resolved_by_the_edited_table(folder):
    folder.edit(s9={"taken": "yes"}, s7={"taken": "no"})
    table = folder.ingest()
    assert (table.loc["9", "taken"], table.loc["9", "reason"]) == ("yes", "taken by the edited table")
    assert (table.loc["7", "taken"], table.loc["7", "reason"]) == ("no", "not taken by the edited table")
    assert np.array_equal(array_of(read_image(folder.order.echoes[0])), axial_volume(5)[0])


def test_a_scan_without_rows_is_selected_by_the_rules(folder):
    folder.rows["participant_id"] = "02"
    assert "several that are equally good" in folder.edit().refusal().found


def test_rows_of_another_session_do_not_count(folder):
    folder.rows["session"] = "2"
    assert "several that are equally good" in folder.edit(s9={"taken": "yes"}).refusal().found


def test_a_role_that_a_person_gives_is_taken_whatever_the_headers_say(folder):
    folder.edit(s3={"taken": "yes", "role": "t2map"}, s8={"taken": "no"}, s9={"taken": "yes"})
    order = replace(folder.order, t2_map=folder.folder / "t2.nii.gz", t2_map_scale=0.01)
    table = folder.ingest(order)
    assert (table.loc["3", "role"], table.loc["3", "taken"], table.loc["8", "taken"]) == ("t2map", "yes", "no")


def test_echoes_that_no_header_calls_spin_echo_are_joined_where_a_person_says_so(tmp_path):
    for place in range(5):
        plan = Plan(20 + place, axial_volume(), echo_times=(10.0 * (place + 1),), scanning_sequence="RM")
        write_plans(tmp_path / "dicom", plan)
    folder = Folder(tmp_path, tmp_path / "dicom")
    folder.edit(**{f"s{20 + place}": {"taken": "yes", "role": "mese"} for place in range(5)})
    assert folder.ingest().loc["20+21+22+23+24", "reason"] == "taken by the edited table"


def test_dixon_images_on_two_grids_are_refused_though_a_person_took_them(tmp_path):
    plans = [dixon_plan(role, 2 + place) for place, role in enumerate(DIXON)]
    plans[3] = replace(plans[3], origin=(-50, -40, 16))
    folder = Folder(tmp_path, write_plans(tmp_path / "dicom", *plans))
    folder.edit(**{f"s{number}": {"taken": "yes"} for number in range(2, 6)})
    order = replace(folder.order, echoes=(), dixon={role: tmp_path / f"{role}.nii.gz" for role in DIXON})
    assert folder.refusal(order).found == "other slices than in series 2"


def test_series_of_two_people_are_refused_though_a_person_took_them(tmp_path):
    write_plans(tmp_path / "dicom", mese_plan(7), t2_map_plan(8, facts={"PatientID": "4712"}))
    folder = Folder(tmp_path, tmp_path / "dicom").edit()
    order = replace(folder.order, t2_map=tmp_path / "t2.nii.gz")
    assert folder.refusal(order).expected == "one patient"


def test_each_impossible_decision_has_its_own_message(folder):
    write(folder.dicom, planes(Plan(5, axial_volume(), ("ORIGINAL", "PRIMARY", "P", "ND"))))
    folder.rows = Folder(folder.folder, folder.dicom).rows
    blank = folder.rows.copy()
    edits = {
        "a row with role mese and taken = yes; found taken = choose in row": {},
        "a row with role mese and taken = yes; found no such row": {"s7": {"taken": "no"}, "s9": {"taken": "no"}},
        "found 2 rows with taken = yes that are no parts": {"s7": {"taken": "yes"}, "s9": {"taken": "yes"}},
        "expected 5 echo times for mese; found 1 in series 3": {"s3": {"taken": "yes", "role": "mese"}},
        "expected magnitude images; found phase images": {"s5": {"taken": "yes", "role": "mese"}},
        "found none with this pseudonym": {"s9": {"taken": "yes", "pseudonym": "0" * 32}},
        "column pseudonym: expected the pseudonym that": {"s9": {"taken": "yes", "pseudonym": None}},
        "column taken: expected yes, no or choose; found another word": {"s9": {"taken": "perhaps"}},
        "column role: expected one of the roles": {"s9": {"taken": "yes", "role": "echoes"}},
    }
    for words, edit in edits.items():
        folder.rows = blank.copy()
        assert words in str(folder.edit(**edit).refusal())
    folder.rows = blank.copy()
    folder.rows.loc[len(folder.rows)] = folder.rows[folder.rows["series"] == "9"].iloc[0]
    assert "expected each series once; found the series of row" in str(folder.edit(s9={"taken": "yes"}).refusal())


def test_a_table_that_is_no_series_table_is_refused(folder):
    folder.rows = folder.rows.drop(columns="pseudonym")
    assert folder.edit().refusal().found == "no column pseudonym"


def test_the_digest_of_a_scan_changes_with_its_own_rows_alone(folder):
    folder.rows.loc[len(folder.rows)] = {"participant_id": "02", "session": "1", "role": "mese", "taken": "choose"}
    before = choices_digest(folder.edit().table, "sub-01_ses-1")
    folder.rows.loc[len(folder.rows) - 1, "taken"] = "yes"
    assert choices_digest(folder.edit().table, "sub-01_ses-1") == before
    assert choices_digest(folder.edit(s9={"taken": "yes"}).table, "sub-01_ses-1") != before


def test_zeros_that_a_spreadsheet_took_away_are_noticed(folder):
    folder.rows["participant_id"] = "1"
    assert folder.edit(s9={"taken": "yes"}).refusal().found.startswith("1, with other zeros in front")


def test_prefixes_of_bids_in_the_table_are_understood(folder):
    folder.rows["participant_id"], folder.rows["session"] = "sub-01", "ses-1"
    assert len(read_choices(folder.edit().table, SCAN)) == 4


@pytest.mark.parametrize("name", ["01", "sub-", "sub-0_1", "sub-01_ses-", "sub-../x"])
def test_only_the_name_of_a_scan_is_taken_for_one(name):
    with pytest.raises(ValueError, match="a scan is named"):
        scan_named(name)
