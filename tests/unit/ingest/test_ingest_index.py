"""The index: from any tree to the tables that a cohort begins with; who the people are stays in the tree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ingest_dicom_builder import DIXON, Plan, axial_volume, dixon_plan, mese_plan, planes, t2_map_plan, write
from pydicom.uid import generate_uid

from myot2.core.errors import MyoT2Error
from myot2.core.participants import read_participants
from myot2.core.tables import read_table, write_tsv
from myot2.ingest.identity import Pseudonyms
from myot2.ingest.indexing.findings import findings
from myot2.ingest.indexing.proposal import index_tree
from myot2.ingest.records import SERIES_COLUMNS
from myot2.ingest.stage import Order, ingest

KEY = Pseudonyms(bytes(32))


def dixon(first_number):
    return [dixon_plan(role, first_number + place) for place, role in enumerate(DIXON)]


def examination(*plans, patient="4711", date="20200101", study=None, **facts):
    """All images of one visit."""
    study = study or generate_uid(entropy_srcs=[patient, date])
    datasets = [dataset for plan in plans for dataset in planes(plan)]
    for dataset in datasets:
        dataset.PatientID, dataset.StudyDate, dataset.StudyInstanceUID = patient, date, study
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[patient, date, str(dataset.SeriesNumber)])
        for keyword, value in facts.items():
            setattr(dataset, keyword, value)
    return datasets


def whole(**who):
    return examination(*dixon(2), mese_plan(7), t2_map_plan(8), **who)


def cells(proposal, *names):
    return [tuple(row) for row in proposal.series(KEY)[list(names)].itertuples(index=False)]


def text(proposal, folder):
    return findings(proposal, folder / "index")


def test_a_folder_per_person_gives_a_row_per_person(tmp_path):
    for name, patient in (("x", "A"), ("y", "B"), ("z", "C")):
        write(tmp_path / name / "1", whole(patient=patient)[:20])
        write(tmp_path / name / "2", whole(patient=patient)[20:])
    proposal = index_tree(tmp_path, KEY)
    table = proposal.participants
    assert list(table["participant_id"]) == ["001", "002", "003"]
    assert set(table["dicom"]) == {str(tmp_path / name) for name in "xyz"}
    assert table.drop(columns=["participant_id", "dicom"]).isna().all(axis=None)
    assert not any(visit.shared for visit in proposal.visits)
    assert "\n3 of 3 visits can be used as proposed" in text(proposal, tmp_path)


def test_the_order_of_people_follows_the_key_and_not_the_names(tmp_path):
    for number in range(8):
        write(tmp_path / f"{number}", examination(mese_plan(7), patient=f"P{number}"))
    orders = [list(index_tree(tmp_path, key).participants["dicom"]) for key in (KEY, KEY, Pseudonyms(b"1" * 32))]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_visits_are_numbered_in_the_order_of_their_days(tmp_path):
    write(tmp_path / "a", whole(date="20210101"))
    write(tmp_path / "b", whole(date="20200101"))
    write(tmp_path / "c", whole(patient="other"))
    table = index_tree(tmp_path, KEY).participants
    rows = {(row.dicom, row.session) for row in table.itertuples()}
    assert rows == {(str(tmp_path / "b"), "1"), (str(tmp_path / "a"), "2"), (str(tmp_path / "c"), "1")}
    assert len(set(table["participant_id"])) == 2


def test_an_examination_in_two_parts_of_one_day_is_one_visit(tmp_path):
    write(tmp_path, examination(*dixon(2), study="1.2.3") + examination(mese_plan(7), t2_map_plan(8), study="1.2.4"))
    (visit,) = index_tree(tmp_path, KEY).visits
    assert sorted(visit.selection.taken) == ["dixon-fat", "dixon-in", "dixon-opp", "dixon-water", "mese", "t2map"]


def test_people_without_identifier_are_told_apart_by_their_examination(tmp_path):
    write(tmp_path, examination(mese_plan(7), patient="", study="1.2.3", date="20200101"))
    write(tmp_path, examination(mese_plan(8), patient="", study="1.2.4", date="20200102"))
    assert len({visit.scan.participant_id for visit in index_tree(tmp_path, KEY).visits}) == 2


def test_two_people_in_one_folder_are_taken_apart_by_the_series_table(tmp_path):
    write(tmp_path / "all", examination(mese_plan(7), patient="A"), seed=1)
    write(tmp_path / "all", examination(mese_plan(7, time="110000"), patient="B"), seed=2)
    proposal = index_tree(tmp_path / "all", KEY)
    assert set(proposal.participants["dicom"]) == {str(tmp_path / "all")}
    assert "series.tsv must be given: sub-001, sub-002" in text(proposal, tmp_path)
    (tmp_path / "key").write_text("00" * 32)
    write_tsv(proposal.series(KEY), tmp_path / "series.tsv")
    for visit in proposal.visits:
        echoes = [tmp_path / f"{visit.scan.name}_{number}.nii.gz" for number in range(5)]
        out = tmp_path / f"{visit.scan.name}.tsv"
        choices = tmp_path / "series.tsv"
        ingest(tmp_path / "all", Order(out, echoes=echoes, scan=visit.scan, key=tmp_path / "key", choices=choices))
        kept = read_table(out).query("taken == 'yes'")
        (expected,) = proposal.series(KEY).query("participant_id == @visit.scan.participant_id")["pseudonym"]
        assert list(kept["pseudonym"]) == [expected]


def test_what_is_ambiguous_is_marked_and_listed(tmp_path):
    other = mese_plan(9, echo_times=(8.0, 16.0, 24.0, 32.0, 40.0), time="110000")
    write(tmp_path, examination(*dixon(2), mese_plan(7), other))
    proposal = index_tree(tmp_path, KEY)
    assert ("7", "mese", "choose", "as good as series 9") in cells(proposal, "series", "role", "taken", "reason")
    words = text(proposal, tmp_path)
    assert "- sub-001, series 7: mese; as good as series 9" in words
    assert "- no T2 map in any visit" in words
    assert "\n0 of 1 visit can be used as proposed" in words


def test_what_cannot_be_used_is_said_with_the_reason(tmp_path):
    datasets = whole()
    write(tmp_path, [one for one in datasets if (one.SeriesNumber, one.InstanceNumber) != (8, 2)])
    assert "- sub-001, series 8: t2map; cannot be used (series 8, slice 1: 12.00 mm" in text(
        index_tree(tmp_path, KEY), tmp_path
    )


def test_an_examination_under_two_identifiers_is_pointed_out(tmp_path):
    datasets = whole(study="1.2.3")
    for dataset in datasets[:4]:
        dataset.PatientID = "4712"
    write(tmp_path, datasets)
    assert "one examination has two patient identifiers: sub-001 and sub-002" in text(
        index_tree(tmp_path, KEY), tmp_path
    )


def test_an_identifier_that_everybody_was_given_is_pointed_out(tmp_path):
    for day in range(1, 8):
        write(tmp_path / f"{day}", examination(mese_plan(7), date=f"202001{day:02}"))
    assert "sub-001 has 7 visits: is its PatientID" in text(index_tree(tmp_path, KEY), tmp_path)


def test_raw_data_and_unusable_files_are_counted_where_they_lie(tmp_path):
    write(tmp_path / "a", whole(patient="A"))
    write(tmp_path / "b", whole(patient="B"))
    (tmp_path / "a" / "raw").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    report = examination(Plan(99, axial_volume(slices=1)), patient="A")
    for dataset in report:
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
        del dataset.PixelData, dataset.Rows, dataset.Columns
    write(tmp_path / "a" / "reports", report)
    proposal = index_tree(tmp_path, KEY)
    owner = next(visit.scan for visit in proposal.visits if visit.folder == tmp_path / "a")
    assert dict(proposal.unusable) == {owner: 1}
    assert cells(proposal, "participant_id", "series", "role", "taken")[-1] == (
        owner.participant_id,
        "raw data 1",
        "kspace",
        "no",
    )
    assert f"1 DICOM file without a usable image (damaged, no image, or a copy): {owner.name}" in text(
        proposal, tmp_path
    )


def test_a_tree_beyond_the_limit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    write(tmp_path, examination(mese_plan(7)))
    monkeypatch.setattr("myot2.ingest.indexing.proposal.MAX_TREE_FILES", 19)
    with pytest.raises(MyoT2Error, match="at most 19 files"):
        index_tree(tmp_path, KEY)


def test_a_tree_without_images_is_refused(tmp_path):
    with pytest.raises(MyoT2Error, match="expected DICOM images; found none"):
        index_tree(tmp_path, KEY)


@pytest.fixture(scope="module")
def main(program):
    return program("index_dicom")


def arguments(folder, dicom):
    options = {"--dicom": dicom, "--key": folder / "secret" / "key"}
    options |= {f"--{name}": folder / "index" / f"{name}.tsv" for name in ("participants", "series")}
    return [str(word) for option in options.items() for word in option]


def test_the_program_leaves_out_who_the_people_are(main, tmp_path, capsys):
    secret = {
        "PatientName": "MARKER^NAME",
        "PatientBirthDate": "19431112",
        "SeriesDescription": "MARKER dixon_in",
        "AccessionNumber": "MARKERACC",
        "InstitutionName": "MARKER HOSPITAL",
    }
    write(tmp_path / "tree", whole(patient="MARKERID", date="20191231", **secret))
    assert main(arguments(tmp_path, tmp_path / "tree")) == 0
    written = capsys.readouterr().out + "".join(path.read_text() for path in (tmp_path / "index").iterdir())
    for identity in ("MARKER", "19431112", "20191231", "2019-12-31", "1.2.826.0.1"):  # the root of these UIDs
        assert identity not in written
    assert (tmp_path / "secret" / "key").stat().st_mode & 0o077 == 0
    table = read_table(tmp_path / "index" / "series.tsv")
    assert tuple(table.columns) == SERIES_COLUMNS
    assert table["pseudonym"].str.fullmatch("[0-9a-f]{32}").all()


def test_equal_trees_and_keys_give_equal_tables(main, tmp_path):
    write(tmp_path / "tree", whole())
    tables = []
    for _ in range(2):
        main(arguments(tmp_path, tmp_path / "tree"))
        tables.append([(tmp_path / "index" / f"{name}.tsv").read_bytes() for name in ("participants", "series")])
    assert tables[0] == tables[1]


def test_the_participants_table_of_an_index_asks_for_the_group(main, tmp_path):
    for name, patient in (("x", "A"), ("y", "B")):
        write(tmp_path / "tree" / name, examination(mese_plan(7), patient=patient))
    main(arguments(tmp_path, tmp_path / "tree"))
    table = tmp_path / "index" / "participants.tsv"
    with pytest.raises(MyoT2Error) as caught:
        read_participants(table)
    assert caught.value.where == f"{table}, row 2, column group"
    assert (caught.value.expected, caught.value.found) == ("patient or control", "n/a")
    assert "1 more to correct: row 3 group" in caught.value.do
    write_tsv(read_table(table).assign(group="patient"), table)
    assert [one.participant_id for one in read_participants(table)] == ["001", "002"]


def test_an_empty_folder_ends_the_program_with_one(main, tmp_path, capsys):
    assert main(arguments(tmp_path, tmp_path)) == 1
    assert "index: the given folder: expected DICOM images" in capsys.readouterr().err


def test_a_series_split_over_echoes_and_sides_is_one_row(tmp_path):
    plan = mese_plan(7)
    parts = [
        replace(plan, number=7 + place, pixels=plan.pixels[[place]], echo_times=(time,))
        for place, time in enumerate(plan.echo_times)
    ]
    parts += [replace(part, number=part.number + 5, origin=(-29, -40, 10)) for part in parts]
    write(tmp_path, examination(*parts))
    assert cells(index_tree(tmp_path, KEY), "series", "role", "taken", "matrix", "images") == [
        ("7+8+9+10+11+12+13+14+15+16", "mese", "yes", "28x12", 40)
    ]
