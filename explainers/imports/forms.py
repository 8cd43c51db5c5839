"""The forms of explanations in a file: read strictly, and held against the item that they explain.

A form is shown beside its item before people answer. So it may hold nothing that the item does not hold but numbers,
and what else the format has (names and prototypes of concepts) is the same for all items. Examples and strips, which
are not, are refused at tests by the design's checks, and so are several explanations on one page, which may have some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from explainers.imports.cards import check_places, read_cards
from explainers.imports.fields import Misfit, flag, line, number, record, sequence, shown, whole
from explainers.imports.inputs import MOST_LETTERS, MOST_SIDE, MOST_TOKENS, MOST_VARIABLES, read_input, same_kind
from explainers.types import (
    Composite,
    Concept,
    Concepts,
    Example,
    Examples,
    FeatureCards,
    FeatureWeight,
    FeatureWeights,
    Form,
    FormName,
    Heatmap,
    ImageInput,
    Input,
    Part,
    Prototype,
    Prototypes,
    Rule,
    RulePart,
    Step,
    Strip,
    TabularInput,
    TextInput,
    TokenWeights,
)

MOST_CONCEPTS, MOST_PROTOTYPES, MOST_EXAMPLES, MOST_STEPS, MOST_CLASSES = 20, 6, 6, 13, 1000
MOST_COMPARED = 8  # prototypes of a network that compares
MOST_PARTS = max(MOST_VARIABLES, MOST_TOKENS)
FEWEST_TOGETHER, MOST_TOGETHER = 2, 3  # explanations on one page
# Forms whose direction is given: those without weights have none, a strip leads from one output to another, and of
# several explanations each says its own.
SIGNED: Mapping[FormName, bool] = {
    "rule": False,
    "examples": False,
    "prototypes": False,
    "strip": True,
    "composite": True,
}
Read: TypeAlias = Callable[[object, str], Form]


def read_form(value: object, path: str, name: FormName) -> Form:
    """A form as its `to_json` gives it; raises Misfit with the field, and when it is not of the form named."""
    came = value.get("form") if isinstance(value, dict) else None
    if came != name:
        raise Misfit(f"{path}.form: {name} was expected, as the first line says, {came!r} came")
    return READERS[name](value, path)


def _feature_weights(value: object, path: str) -> FeatureWeights:
    data = record(value, path, ("form", "features"))
    found = []
    for n, entry in enumerate(sequence(data["features"], f"{path}.features", fewest=1, most=MOST_VARIABLES)):
        where = f"{path}.features[{n}]"
        name, said, weight = sequence(entry, where, fewest=3, most=3)
        found.append(
            FeatureWeight(
                line(name, f"{where}[0]", most=MOST_LETTERS),
                line(said, f"{where}[1]", most=MOST_LETTERS),
                number(weight, f"{where}[2]"),
            )
        )
    return FeatureWeights(tuple(found))


def _token_weights(value: object, path: str) -> TokenWeights:
    data = record(value, path, ("form", "tokens", "weights"))
    tokens = sequence(data["tokens"], f"{path}.tokens", fewest=1, most=MOST_TOKENS)
    weights = sequence(data["weights"], f"{path}.weights", fewest=len(tokens), most=len(tokens))
    return TokenWeights(
        tuple(line(token, f"{path}.tokens[{n}]", most=MOST_LETTERS) for n, token in enumerate(tokens)),
        tuple(number(weight, f"{path}.weights[{n}]") for n, weight in enumerate(weights)),
    )


def _heatmap(value: object, path: str) -> Heatmap:
    data = record(value, path, ("form", "height", "width", "values"))
    height, width = (whole(data[side], f"{path}.{side}", low=1, high=MOST_SIDE) for side in ("height", "width"))
    values = sequence(data["values"], f"{path}.values", fewest=height * width, most=height * width)
    return Heatmap(height, width, tuple(number(entry, f"{path}.values[{n}]") for n, entry in enumerate(values)))


def _concepts(value: object, path: str) -> Concepts:
    data = record(value, path, ("form", "concepts"))
    found = []
    for n, entry in enumerate(sequence(data["concepts"], f"{path}.concepts", fewest=1, most=MOST_CONCEPTS)):
        where = f"{path}.concepts[{n}]"
        name, activation, relevance, prototypes = sequence(entry, where, fewest=4, most=4)
        pictures = sequence(prototypes, f"{where}[3]", most=MOST_PROTOTYPES)
        found.append(
            Concept(
                line(name, f"{where}[0]", most=MOST_LETTERS),
                number(activation, f"{where}[1]"),
                number(relevance, f"{where}[2]"),
                tuple(read_input(picture, f"{where}[3][{place}]") for place, picture in enumerate(pictures)),
            )
        )
    return Concepts(tuple(found))


def _rule(value: object, path: str) -> Rule:
    data = record(value, path, ("form", "parts", "precision", "coverage"))
    parts = []
    for n, entry in enumerate(sequence(data["parts"], f"{path}.parts", fewest=1, most=MOST_PARTS)):
        where = f"{path}.parts[{n}]"
        name, said, asked = sequence(entry, where, fewest=3, most=3)
        parts.append(
            RulePart(
                line(name, f"{where}[0]", most=MOST_LETTERS, fewest=0),
                line(said, f"{where}[1]", most=MOST_LETTERS),
                flag(asked, f"{where}[2]"),
            )
        )
    shares = (number(data[name], f"{path}.{name}", low=0, high=1) for name in ("precision", "coverage"))
    return Rule(tuple(parts), *shares)


def _examples(value: object, path: str) -> Examples:
    data = record(value, path, ("form", "examples"))
    found = []
    for n, entry in enumerate(sequence(data["examples"], f"{path}.examples", fewest=1, most=MOST_EXAMPLES)):
        where = f"{path}.examples[{n}]"
        item, class_index = sequence(entry, where, fewest=2, most=2)
        index = whole(class_index, f"{where}[1]", low=0, high=MOST_CLASSES - 1)
        found.append(Example(read_input(item, f"{where}[0]"), index))
    return Examples(tuple(found))


def _strip(value: object, path: str) -> Strip:
    data = record(value, path, ("form", "steps", "crosses", "own"))
    entries = sequence(data["steps"], f"{path}.steps", fewest=1, most=MOST_STEPS)
    steps = tuple(_step(entry, f"{path}.steps[{n}]") for n, entry in enumerate(entries))
    crosses = flag(data["crosses"], f"{path}.crosses")
    if crosses != any(step.margin < 0 for step in steps):
        raise Misfit(f"{path}.crosses: true was expected where a margin is below 0, false where none is")
    return Strip(steps, crosses, whole(data["own"], f"{path}.own", low=0, high=len(steps) - 1))


def _step(value: object, path: str) -> Step:
    item, change, margin = sequence(value, path, fewest=3, most=3)
    if change is not None:
        where, old, new = sequence(change, f"{path}[1]", fewest=3, most=3)
        change = (
            line(where, f"{path}[1][0]", most=MOST_LETTERS),
            line(old, f"{path}[1][1]", most=MOST_LETTERS),
            line(new, f"{path}[1][2]", most=MOST_LETTERS, fewest=0),
        )
    return Step(read_input(item, f"{path}[0]"), change, number(margin, f"{path}[2]"))


def _prototypes(value: object, path: str) -> Prototypes:
    data = record(value, path, ("form", "prototypes"))
    entries = sequence(data["prototypes"], f"{path}.prototypes", fewest=1, most=MOST_COMPARED)
    return Prototypes(tuple(_prototype(entry, f"{path}.prototypes[{n}]") for n, entry in enumerate(entries)))


def _prototype(value: object, path: str) -> Prototype:
    pictures, class_index, similarity, low, high = sequence(value, path, fewest=5, most=5)
    draws = sequence(pictures, f"{path}[0]", fewest=1, most=MOST_PROTOTYPES)
    own = number(similarity, f"{path}[2]", low=0, high=1)
    return Prototype(
        tuple(read_input(picture, f"{path}[0][{n}]") for n, picture in enumerate(draws)),
        whole(class_index, f"{path}[1]", low=0, high=MOST_CLASSES - 1),
        own,
        number(low, f"{path}[3]", low=0, high=own),
        number(high, f"{path}[4]", low=own, high=1),
    )


def _composite(value: object, path: str) -> Composite:
    data = record(value, path, ("form", "parts"))
    entries = sequence(data["parts"], f"{path}.parts", fewest=FEWEST_TOGETHER, most=MOST_TOGETHER)
    return Composite(tuple(_part(entry, f"{path}.parts[{n}]") for n, entry in enumerate(entries)))


def _part(value: object, path: str) -> Part:
    form, signed = sequence(value, path, fewest=2, most=2)
    came = form.get("form") if isinstance(form, dict) else None
    name = next((known for known in READERS if known == came and known != "composite"), None)
    if name is None:
        single = ", ".join(known for known in READERS if known != "composite")
        raise Misfit(f"{path}[0].form: one of {single} was expected, {shown(came)} came")
    is_signed = flag(signed, f"{path}[1]")
    if is_signed != SIGNED.get(name, is_signed):
        raise Misfit(f"{path}[1]: {shown(not is_signed)} was expected for the form {name}")
    read = READERS[name](form, f"{path}[0]")
    assert not isinstance(read, Composite)  # no single form is one
    return Part(read, is_signed)


# A form that can be imported stands here and in the registry's IMPORTABLE.
READERS: Mapping[FormName, Read] = {
    "feature_weights": _feature_weights,
    "token_weights": _token_weights,
    "heatmap": _heatmap,
    "concepts": _concepts,
    "rule": _rule,
    "examples": _examples,
    "strip": _strip,
    "prototypes": _prototypes,
    "feature_cards": read_cards,
    "composite": _composite,
}


# --- beside the item -------------------------------------------------------------------------------------------------


def check_direction(form: Form, signed: bool, path: str) -> None:
    """Raise Misfit where the file says that weights have no direction and one is below 0."""
    if isinstance(form, Composite):
        for n, part in enumerate(form.parts):
            check_direction(part.form, part.is_signed, f"{path}.parts[{n}][0]")
    if not signed and min(_weights_of(form), default=0.0) < 0:
        raise Misfit(f"{path}: a weight is below 0, but the file says that the weights are not signed")


def _weights_of(form: Form) -> list[float]:
    """The weights that have a direction, if any of the form have one."""
    match form:
        case FeatureWeights():
            return [feature.weight for feature in form.features]
        case TokenWeights():
            return list(form.weights)
        case Heatmap():
            return list(form.values)
        case Concepts():
            return [concept.contribution for concept in form.concepts]
        case FeatureCards():
            return [card.effect for card in form.cards]
    return []


def check_fits(form: Form, item: Input, n_classes: int, path: str) -> None:
    """Raise Misfit where a form is not of this item: other parts, another size, or the item among its own examples."""
    match form:
        case FeatureWeights():
            pairs = tuple((feature.name, feature.value) for feature in form.features)
            _expect_parts(pairs, item.values if isinstance(item, TabularInput) else None, f"{path}.features")
        case TokenWeights():
            _expect_parts(form.tokens, item.tokens if isinstance(item, TextInput) else None, f"{path}.tokens")
        case Heatmap():
            size = (item.height, item.width) if isinstance(item, ImageInput) else None
            if (form.height, form.width) != size:
                raise Misfit(f"{path}: the map has {form.height} x {form.width} pixels, {_size_of(item)}")
        case Rule():
            _expect_parts(tuple((part.name, part.value) for part in form.parts), _parts_of(item), f"{path}.parts")
        case FeatureCards():
            check_places(form, item, path)
        case Composite():
            for n, part in enumerate(form.parts):
                check_fits(part.form, item, n_classes, f"{path}.parts[{n}][0]")
        case Concepts() | Examples() | Strip() | Prototypes():
            _check_inputs(form, item, n_classes, path)


def _check_inputs(form: Concepts | Examples | Strip | Prototypes, item: Input, n_classes: int, path: str) -> None:
    """The same of the forms that hold other inputs."""
    match form:
        case Concepts():
            for n, concept in enumerate(form.concepts):
                if not all(same_kind(picture, item) for picture in concept.prototypes):
                    raise Misfit(f"{path}.concepts[{n}][3]: prototypes of the item's own kind and size were expected")
        case Examples():
            _check_examples(form, item, n_classes, path)
        case Strip():
            _check_strip(form, item, path)
        case Prototypes():
            _check_prototypes(form, item, n_classes, path)


def _check_examples(form: Examples, item: Input, n_classes: int, path: str) -> None:
    for n, example in enumerate(form.examples):
        where = f"{path}.examples[{n}]"
        if not same_kind(example.input, item):
            raise Misfit(f"{where}[0]: an input of the item's own kind and size was expected")
        if example.input == item:
            raise Misfit(f"{where}[0]: this is the item itself, whose output people are asked about; leave it out")
        if example.class_index >= n_classes:
            raise Misfit(f"{where}[1]: a class from 0 to {n_classes - 1} was expected, {example.class_index} came")


def _check_strip(form: Strip, item: Input, path: str) -> None:
    if form.steps[form.own].input != item:
        raise Misfit(f"{path}.steps[{form.own}][0]: the item itself was expected, as `own` says")
    match item:
        case TabularInput(values=values):
            places = [name for name, _ in values]
        case TextInput(tokens=tokens):
            places = [str(place) for place in range(len(tokens))]
        case _:
            places = []
    for n, step in enumerate(form.steps):
        if not same_kind(step.input, item):
            raise Misfit(f"{path}.steps[{n}][0]: an input of the item's own kind and size was expected")
        if step.change is not None and step.change[0] not in places:
            raise Misfit(f"{path}.steps[{n}][1][0]: the item has no part {step.change[0]!r}")


def _check_prototypes(form: Prototypes, item: Input, n_classes: int, path: str) -> None:
    for n, one in enumerate(form.prototypes):
        if not all(isinstance(picture, ImageInput) and same_kind(picture, item) for picture in one.pictures):
            raise Misfit(f"{path}.prototypes[{n}][0]: pictures of the item's own size were expected")
        if one.class_index >= n_classes:
            came = f"a class from 0 to {n_classes - 1} was expected, {one.class_index} came"
            raise Misfit(f"{path}.prototypes[{n}][1]: {came}")


def _parts_of(item: Input) -> tuple[tuple[str, str], ...] | None:
    match item:
        case TabularInput(values=values):
            return values
        case TextInput(tokens=tokens):
            return tuple(("", token) for token in tokens)
    return None


def _expect_parts(came: tuple[object, ...], expected: tuple[object, ...] | None, path: str) -> None:
    if expected is None:
        raise Misfit(f"{path}: the item is of another modality")
    if len(came) != len(expected):
        raise Misfit(f"{path}: the item has {len(expected)} parts, {len(came)} came")
    for n, (ours, theirs) in enumerate(zip(expected, came, strict=True)):
        if ours != theirs:
            raise Misfit(f"{path}[{n}]: the item has {ours!r} there, {theirs!r} came")


def _size_of(item: Input) -> str:
    return f"the item {item.height} x {item.width}" if isinstance(item, ImageInput) else "the item is no picture"
