import pytest

from analysis.api import import_responses, import_study
from analysis.errors import ImportedFileError, MappingError
from analysis.importing.privacy import telling_cell, telling_name

KEY = b"sixteen bytes or more"


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("192.0.2.7", "an IP address"),
        ("2001:db8::7", "an IP address"),
        ("write to ann@example.org", "an e-mail address"),
        ("51.5074, -0.1278", "coordinates"),
        ("5f0c4d2e9b1a7c3d8e6f0a1b", "a panel's id"),
        ("A2XJPAVM1B4KQZ", "a panel's id"),
    ],
)
def test_a_cell_that_tells_who_somebody_is_is_known_by_its_looks(cell, what):
    assert telling_cell(cell) == what


@pytest.mark.parametrize(
    "cell",
    ["", "7", "0.25", "1.2.3", "12:30:05", "no", "p0003", "6d1b18bc3805421ba0d947e135a2504b", "a@b", "ABSOLUTELYYES",
     "3.5, 2.5", "999.1.1.1"],
)  # fmt: skip
def test_plain_answers_are_not_taken_for_it(cell):
    assert telling_cell(cell) is None


@pytest.mark.parametrize(
    "name",
    ["IPAddress", "ip_address", "LocationLatitude", "longitude", "E-Mail", "PROLIFIC_PID", "workerId", "SESSION_ID",
     "Participant Public ID", "participant.label", "RecipientLastName", "assignmentId"],
)  # fmt: skip
def test_a_column_that_tells_who_people_are_is_known_by_its_name(name):
    assert telling_name(name) is not None


@pytest.mark.parametrize(
    "name", ["item", "zip file", "user", "X Coordinate", "Participant Private ID", "longest", "trip"]
)
def test_other_columns_are_not(name):
    assert telling_name(name) is None


@pytest.mark.parametrize("name", ["PROLIFIC_PID", "email", "LocationLatitude"])
def test_a_participant_column_with_a_telling_name_is_refused_with_what_to_do(elsewhere, name):
    made = elsewhere("long")
    made.content = made.content.replace("user,", f"{name},", 1)
    made.mapping["participant"] = name

    with pytest.raises(ImportedFileError) as caught:
        import_responses(*made.paths)
    first, advice = caught.value.problems
    assert first.startswith(f"column {name}: by its name holds ")
    assert f'"participant": {{"column": "{name}", "hash": true}}' in advice


def test_panel_ids_under_an_innocent_name_are_refused_by_row(elsewhere):
    made = elsewhere("long")
    made.content = made.content.replace("p0000", "5f0c4d2e9b1a7c3d8e6f0a1b")

    with pytest.raises(ImportedFileError) as caught:
        import_responses(*made.paths)
    assert caught.value.problems[0] == "row 2, column user: looks like a panel's id, which is not brought in"


def test_an_address_in_an_answer_is_refused_by_row_and_column(elsewhere):
    made = elsewhere("long")
    lines = made.content.splitlines(keepends=True)
    lines[4] = lines[4].replace(",yes,", ",ann@example.org,").replace(",no,", ",ann@example.org,")
    made.content = "".join(lines)

    with pytest.raises(ImportedFileError) as caught:
        import_responses(*made.paths)
    assert "row 5, column guess: looks like an e-mail address, which is not brought in" in caught.value.problems


def test_hashed_ids_come_in_as_pseudonyms_that_the_key_alone_repeats(elsewhere):
    made = elsewhere("long")
    plain, _ = import_responses(*made.paths)
    made.content = made.content.replace("user,", "PROLIFIC_PID,", 1).replace("p0000", "5f0c4d2e9b1a7c3d8e6f0a1b")
    made.mapping["participant"] = {"column": "PROLIFIC_PID", "hash": True}

    first, again, other = (import_study(*made.paths, key=key) for key in (KEY, KEY, KEY[::-1]))

    assert first.table.subject_id.tolist() == again.table.subject_id.tolist()
    assert not set(first.table.subject_id.tolist()) & set(other.table.subject_id.tolist())
    assert len(set(first.table.subject_id.tolist())) == len(set(plain.subject_id.tolist()))
    assert all(len(name) == 18 and name.startswith("p-") for name in first.table.subject_id)
    assert "5f0c4d2e9b1a7c3d8e6f0a1b" not in first.design_text


@pytest.mark.parametrize("key", [None, b"short"])
def test_hashing_without_a_proper_key_is_refused(elsewhere, key):
    made = elsewhere("long")
    made.mapping["participant"] = {"column": "user", "hash": True}

    with pytest.raises(
        MappingError, match=r"participant.hash: expected a key of 16 bytes or more, found (none|5 bytes)"
    ):
        import_responses(*made.paths, key=key)


def test_a_misleading_name_may_be_vouched_for_and_its_cells_are_looked_at_all_the_same(elsewhere):
    made = elsewhere("long")
    made.content = made.content.replace("user,", "worker_id,", 1)
    made.mapping["participant"] = {"column": "worker_id", "is_pseudonym": True}
    assert len(import_responses(*made.paths)[0])

    made.content = made.content.replace("p0000", "A2XJPAVM1B4KQZ")
    with pytest.raises(ImportedFileError, match="row 2, column worker_id: looks like a panel's id"):
        import_responses(*made.paths)


def test_a_telling_column_that_is_no_participants_is_refused(elsewhere):
    made = elsewhere("long")
    made.mapping["trials"][0]["block"] = "IPAddress"

    with pytest.raises(ImportedFileError, match="column IPAddress: by its name holds an IP address"):
        import_responses(*made.paths)


@pytest.mark.parametrize(("column", "is_refused"), [("picture", False), ("guess", True)])
def test_keys_of_the_studys_own_may_look_like_a_panels_ids_and_answers_may_not(elsewhere, column, is_refused):
    made = elsewhere("long")
    key = "5f0c4d2e9b1a7c3d8e6f0a1b"
    lines = [line.split(",") for line in made.content.splitlines()]
    place = lines[0].index(column)
    old = lines[1][place]
    made.content = "\n".join(
        ",".join(key if i == place and cell == old else cell for i, cell in enumerate(line)) for line in lines
    )

    if is_refused:
        with pytest.raises(ImportedFileError, match="row 2, column guess: looks like a panel's id"):
            import_responses(*made.paths)
    else:
        assert key in import_responses(*made.paths)[0].item
