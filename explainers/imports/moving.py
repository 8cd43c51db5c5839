"""The placebo of imported explanations: the form of another item, put on this one (as `placebo_other_item` does)."""

from __future__ import annotations

from dataclasses import replace

from explainers.errors import InputError
from explainers.types import (
    Composite,
    Examples,
    FeatureCards,
    FeatureWeights,
    Form,
    Input,
    Rule,
    SingleForm,
    Strip,
    TabularInput,
    TextInput,
    TokenWeights,
)


def moved(form: Form, item: Input, donor: Input) -> Form:
    """A donor's form on an item that it was not made for, with the item's own parts.

    Variables keep their weights by place. A text takes them by relative position: its token i of n gets that of the
    donor's token floor((i + 1/2) m / n) of m, and feature cards name words of the item likewise. Maps, concepts,
    prototypes and examples stay as they are.

    Raises
    ------
    InputError
        When the item does not have the parts of the form's item, or stands among the examples: its output would show.
        A strip holds its own item and cannot be moved.
    """
    if isinstance(form, Composite):
        return Composite(tuple(replace(part, form=_moved(part.form, item, donor)) for part in form.parts))
    return _moved(form, item, donor)


def _moved(form: SingleForm, item: Input, donor: Input) -> SingleForm:
    match form:
        case FeatureWeights() if isinstance(item, TabularInput):
            _expect_names([feature.name for feature in form.features], item)
            pairs = zip(form.features, item.values, strict=True)
            return FeatureWeights(tuple(replace(feature, value=value) for feature, (_, value) in pairs))
        case TokenWeights() if isinstance(item, TextInput):
            places = _places(len(form.tokens), len(item.tokens))
            return TokenWeights(item.tokens, tuple(form.weights[place] for place in places))
        case FeatureCards() if isinstance(item, TextInput) and isinstance(donor, TextInput):
            places = _places(len(item.tokens), len(donor.tokens))
            return FeatureCards(tuple(replace(card, place=places[card.place]) for card in form.cards))
        case Rule():
            return _moved_rule(form, item)
        case Examples() if any(example.input == item for example in form.examples):
            raise InputError("the item stands among the examples of the item that gives its explanation")
        case Strip():
            raise InputError("a strip begins with its own item, so it cannot be shown on another; take another placebo")
    return form


def _moved_rule(rule: Rule, item: Input) -> Rule:
    if isinstance(item, TextInput):
        places = _places(len(rule.parts), len(item.tokens))
        pairs = zip(places, item.tokens, strict=True)
        return replace(rule, parts=tuple(replace(rule.parts[place], value=token) for place, token in pairs))
    assert isinstance(item, TabularInput)  # rules are of variables or words
    _expect_names([part.name for part in rule.parts], item)
    parts = zip(rule.parts, item.values, strict=True)
    return replace(rule, parts=tuple(replace(part, value=value) for part, (_, value) in parts))


def _places(n_from: int, n_to: int) -> list[int]:
    return [(2 * place + 1) * n_from // (2 * n_to) for place in range(n_to)]


def _expect_names(names: list[str], item: TabularInput) -> None:
    own = [name for name, _ in item.values]
    if names != own:
        raise InputError(f"the variables {', '.join(names)} came, the item has {', '.join(own)}")
