from __future__ import annotations

import pytest

from explainers.errors import MaterialError
from explainers.material.base import Labelled
from explainers.material.movies import MOVIES, SOURCE, parse, read_source, tokens_of
from explainers.types import TextInput


def test_clear_sentences_are_kept_once_with_the_sign_of_their_rating() -> None:
    table = (
        "1\t2.5\tA film well worth seeing.\r\n"
        "2\t-1.2\tA film hardly  worth seeing.\r\n"
        "3\t0.4\tA film perhaps worth seeing.\r\n"
        "4\t3\tWorth it.\r\n"
        "5\t2.0\tA film well worth seeing.\r\n"
        f"6\t2.0\t{'very ' * 41}\r\n"
    )

    assert parse(table) == (
        Labelled(TextInput(("A", "film", "well", "worth", "seeing.")), 1),
        Labelled(TextInput(("A", "film", "hardly", "worth", "seeing.")), 0),
    )


def test_doubled_apostrophes_become_quotation_marks() -> None:
    assert tokens_of("the new ''Conan'' isn't") == ("the", "new", '"Conan"', "isn't")


@pytest.mark.parametrize("line", ["1\tgood\tA film", "1 2.0 A film", "1\t2.0"])
def test_line_of_another_shape_is_named(line: str) -> None:
    with pytest.raises(MaterialError, match="line 2: `id, rating, sentence` was expected"):
        parse(f"1\t2.0\tA film well worth seeing.\n{line}\n")


def test_published_file_has_the_counts_of_its_description() -> None:
    # Hutto & Gilbert 2014, README of the data: 10,605 sentences; the rest follows from the rule above.
    assert len(read_source(SOURCE).decode("utf-8").splitlines()) == 10_605
    items = MOVIES.read()
    assert (len(items), sum(item.label for item in items)) == (9_617, 4_776)
