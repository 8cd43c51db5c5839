from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from explainers.errors import InputError, UnknownName
from explainers.material import MATERIAL
from explainers.material.base import Labelled
from explainers.predictors import PREDICTORS, entry
from explainers.predictors.base import Predictor
from explainers.predictors.image import ImagePredictor
from explainers.predictors.tabular import TabularPredictor
from explainers.predictors.text import TextPredictor, normalised
from explainers.types import ImageInput, Modality, TabularInput, TextInput
from tests.explainers.tiny import ARCHITECTURES, MATERIALS, tiny

Trained = Mapping[tuple[Modality, str], Predictor]
ROW = TabularInput((("Size", "large"), ("Colour", "blue"), ("Shape", "round")))


def test_row_is_encoded_onehot_in_display_order(predictors: Trained) -> None:
    predictor = predictors["tabular", "mlp"]
    assert isinstance(predictor, TabularPredictor)

    assert predictor.encode([ROW]).tolist() == [[0, 0, 1, 0, 1, 1, 0]]
    assert predictor.groups == (slice(0, 3), slice(3, 5), slice(5, 7))


def test_training_frequencies_are_the_shares_in_the_training_data(predictors: Trained) -> None:
    predictor = predictors["tabular", "senn"]
    assert isinstance(predictor, TabularPredictor)
    onehot = predictor.encode([item.input for item in _train("tabular")])

    shares = torch.cat(predictor.training_frequencies)

    torch.testing.assert_close(shares, onehot.double().mean(0), rtol=0, atol=1e-7)
    assert isinstance(predictor.senn.frequencies, torch.Tensor)
    torch.testing.assert_close(predictor.senn.frequencies, shares.float(), rtol=0, atol=1e-7)


def test_text_is_encoded_by_its_normalised_words(predictors: Trained) -> None:
    predictor = predictors["text", "gru"]
    assert isinstance(predictor, TextPredictor)
    good = predictor.vocabulary.index("good") + 2

    encoded = predictor.encode([TextInput(("Good", "xyzzy", '"good!"')), TextInput(("good",))])

    assert encoded.tolist() == [[good, 1, good], [good, 0, 0]]


@pytest.mark.parametrize(
    ("token", "word"), [('Segal."', "segal"), ("isn't", "isn't"), ("...", "..."), ("(2002)", "2002"), ("É,", "é")]
)
def test_word_of_a_token_has_no_case_and_no_punctuation_around_it(token: str, word: str) -> None:
    assert normalised(token) == word


def test_picture_is_encoded_with_channels_first(predictors: Trained) -> None:
    predictor = predictors["image", "cnn"]
    pixels = bytes(range(144))

    encoded = predictor.encode([ImageInput(12, 12, 1, pixels)])

    assert encoded.shape == (1, 1, 12, 12)
    torch.testing.assert_close(encoded.flatten() * 255, torch.arange(144.0), rtol=0, atol=1e-4)


def test_colours_are_moved_to_the_front() -> None:
    predictor = ImagePredictor(
        name="rgb", architecture="cnn", classes=("a",), module=torch.nn.Conv2d(3, 1, 1), shape=(3, 1, 2)
    )

    assert (predictor.encode([ImageInput(1, 2, 3, bytes([1, 2, 3, 4, 5, 6]))]) * 255).round().tolist() == [
        [[[1, 4]], [[2, 5]], [[3, 6]]]
    ]


@pytest.mark.parametrize(
    ("key", "item", "message"),
    [
        (("tabular", "mlp"), TextInput(("a",)), "takes tabular inputs, text came"),
        (("tabular", "mlp"), TabularInput((("Size", "large"),)), "variables Size came, Size, Colour, Shape were"),
        (
            ("tabular", "mlp"),
            TabularInput((("Size", "huge"), ("Colour", "blue"), ("Shape", "round"))),
            r"\('Size', 'huge'\) is no variable and category",
        ),
        (("text", "gru"), ROW, "takes text inputs, tabular came"),
        (("text", "gru"), TextInput(()), "0 tokens came, 1 to 256"),
        (("text", "gru"), TextInput(("a",) * 257), "257 tokens came, 1 to 256"),
        (("image", "cnn"), ROW, "takes image inputs, tabular came"),
        (("image", "cnn"), ImageInput(2, 2, 1, bytes(4)), r"\(1, 2, 2\) came, \(1, 12, 12\) was expected"),
    ],
)
def test_input_that_does_not_fit_is_refused(
    predictors: Trained, key: tuple[Modality, str], item: TabularInput | TextInput | ImageInput, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        predictors[key].encode([item])


@pytest.mark.parametrize("key", ARCHITECTURES)
def test_trained_predictor_has_learned_its_rule(predictors: Trained, key: tuple[Modality, str]) -> None:
    items = MATERIALS[key[0]].read()

    outputs = predictors[key].outputs([item.input for item in items])

    right = sum(output.class_index == item.label for output, item in zip(outputs, items, strict=True)) / len(items)
    assert right > 0.85  # one label in ten of the tabular material is wrong; guessing gives 0.5


@pytest.mark.parametrize("key", ARCHITECTURES)
def test_outputs_do_not_depend_on_the_batch(predictors: Trained, key: tuple[Modality, str]) -> None:
    inputs = [item.input for item in MATERIALS[key[0]].read()[:40]]

    together = predictors[key].outputs(inputs)
    apart = [predictors[key].outputs([item])[0] for item in inputs]
    in_sevens = predictors[key].outputs(inputs, batch=7)

    assert [output.class_index for output in apart] == [output.class_index for output in together]
    for other in (apart, in_sevens):
        probabilities = [output.probability for output in other]
        assert probabilities == pytest.approx([output.probability for output in together], abs=2e-6)


@pytest.mark.parametrize("key", ARCHITECTURES)
def test_reinitialised_predictor_has_other_weights_of_the_same_shape(
    predictors: Trained, key: tuple[Modality, str]
) -> None:
    trained = predictors[key]
    before = {name: value.clone() for name, value in trained.module.state_dict().items()}

    fresh, same, other = trained.reinitialised(1), trained.reinitialised(1), trained.reinitialised(2)

    for name, value in trained.module.state_dict().items():
        assert torch.equal(value, before[name])
    weights = [name for name, value in trained.module.named_parameters() if value.dim() > 1]
    for name in weights:
        drawn = fresh.module.state_dict()[name]
        assert torch.equal(drawn, same.module.state_dict()[name])
        assert not torch.equal(drawn, before[name])
        assert not torch.equal(drawn, other.module.state_dict()[name])
    for name, value in fresh.module.named_buffers():
        assert torch.equal(value, before[name])
    assert not any(parameter.requires_grad for parameter in fresh.module.parameters())


@pytest.mark.parametrize("architecture", ["gru", "transformer", "senn"])
def test_padding_inside_a_text_means_the_text_without_the_word(predictors: Trained, architecture: str) -> None:
    predictor = predictors["text", architecture]
    whole, without = TextInput(("The", "film", "was", "great.")), TextInput(("film", "great."))
    masked = predictor.encode([whole])
    masked[0, [0, 2]] = 0

    torch.testing.assert_close(
        predictor.logits(masked), predictor.logits(predictor.encode([without])), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("architecture", ["gru", "transformer", "senn"])
def test_embeddings_lead_to_the_same_logits_and_carry_gradients(predictors: Trained, architecture: str) -> None:
    predictor = predictors["text", architecture]
    assert isinstance(predictor, TextPredictor)
    encoded = predictor.encode([TextInput(("The", "film", "was", "great.")), TextInput(("poor",))])
    embeddings = predictor.embed(encoded).requires_grad_()

    logits = predictor.logits_from_embeddings(embeddings, encoded)

    torch.testing.assert_close(logits, predictor.logits(encoded), rtol=0, atol=1e-6)
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), embeddings)
    assert (gradient[0].abs().sum(1) > 0).all()
    assert gradient[1, 1:].abs().sum() == 0


def test_concepts_of_pictures_have_names_and_the_training_pictures_that_show_them(predictors: Trained) -> None:
    predictor = predictors["image", "senn"]
    pictures = [item.input for item in _train("image")]
    activations = predictor.concepts(predictor.encode(pictures))

    assert predictor.concept_names == ("Pattern 1", "Pattern 2", "Pattern 3")
    for concept, row in enumerate(predictor.prototypes):
        shown = predictor.concepts(predictor.encode(row))[:, concept]
        assert len(row) == 5
        torch.testing.assert_close(shown, activations[:, concept].topk(5).values, rtol=0, atol=1e-5)


def test_registry_names_materials_and_architectures_that_exist() -> None:
    for name, one in PREDICTORS.items():
        assert one.material in MATERIAL
        assert name == f"{one.material}-{one.architecture}"


def test_unknown_predictor_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownName, match="'resnet' is none of adult-mlp"):
        entry("resnet")


def _train(modality: Modality) -> tuple[Labelled, ...]:
    return tiny(modality, "senn").splits.train
