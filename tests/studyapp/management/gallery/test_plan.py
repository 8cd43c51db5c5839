"""The pictures of explanations: every method is among them, on every kind of item that it serves."""

from __future__ import annotations

from explainers.registry import EXPLAINERS, needs_of
from studyapp.management.gallery.index import index_of
from studyapp.management.gallery.plan import PLACEBOS, USUAL, plan


def test_every_method_is_pictured_on_every_kind_of_item_it_serves() -> None:
    wanted = {
        (name, modality) for name, found in EXPLAINERS.items() if not found.placebo for modality in found.forms
    } | set(PLACEBOS.items())

    taken = [(shot.spec.name, shot.modality) for shot in plan()]

    assert sorted(taken) == sorted(wanted)


def test_each_is_of_a_predictor_that_the_method_goes_with() -> None:
    wrong = [shot.name for shot in plan() if shot.architecture not in (needs_of(shot.spec) or {USUAL[shot.modality]})]

    assert wrong == []


def test_the_index_links_every_picture_and_names_every_paper() -> None:
    index = index_of(plan(), (1280, 375))

    unlinked = [
        shot.name for shot in plan() if f"]({shot.file(1280)})" not in index or f"]({shot.file(375)})" not in index
    ]
    unnamed = [shot.name for shot in plan() if EXPLAINERS[shot.spec.name].reference not in index]
    assert (unlinked, unnamed) == ([], [])
