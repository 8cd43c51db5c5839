"""How each form of explanation looks: typed forms in, what a template needs out. Pure functions of the stimulus.

The explained class is the model's output, so a weight above 0 speaks for it. With two classes each has a side of its
own in every trial, whichever was the output: the left is always the first class. A form whose weights are all at
least 0 says how much, not which way, and is drawn without sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext

from explainers.types import (
    CaptionMatch,
    Composite,
    Concepts,
    Examples,
    FeatureCards,
    FeatureWeights,
    Formulas,
    Heatmap,
    ImageInput,
    Prototypes,
    Rule,
    SingleForm,
    Snippet,
    Strip,
    TabularInput,
    TextInput,
    TokenWeights,
)
from studyapp.tasktypes.base import Stimulus
from studyapp.templatetags.formulas import in_words
from studyapp.templatetags.pictures import Side, overlay, picture, scale
from studyapp.templatetags.shares import above_even, are_shares, lengths_of, nearly_even
from studyapp.templatetags.shown import (
    Altered,
    Asked,
    Bar,
    Card,
    Compared,
    Described,
    Difference,
    Marked,
    Neighbour,
    Piece,
    Row,
    Shown,
    Sides,
    StepShown,
    Word,
)

register = template.Library()

BAR_WIDTH = 200  # in units of the drawing
BAR_REACH = 98
BAR_LEAST = 4.0  # of a margin that is not 0
N_STRONGEST_WORDS = 6
LEVELS = 3
MAX_DECIMALS = 6
Changes = Mapping[str, str]  # what a part becomes, by its name or, of a token, its place


@register.simple_tag
def explanation_of(stimulus: Stimulus, *, changed: bool = False) -> Shown | None:
    """The stimulus's explanation, ready to be shown; None where the stimulus has none.

    With `changed`, an explanation that stands in the input's place says what the task changes in it.
    """
    form = stimulus.explanation
    if form is None:
        return None
    changes = {where: new for where, _, new in stimulus.item.changes} if changed else {}
    return _composite(form, stimulus, changes) if isinstance(form, Composite) else _single(form, stimulus, changes)


def _composite(form: Composite, stimulus: Stimulus, changes: Changes) -> Shown:
    """Several explanations, each as it would be shown alone; they stand in the input's place where the first does.

    So the first alone says what a task changes.
    """
    shown = []
    for number, part in enumerate(form.parts, start=1):
        own = replace(stimulus, explanation=part.form, is_signed=part.is_signed)
        shown.append(replace(_single(part.form, own, changes if number == 1 else {}), number=f"-{number}"))
    name = "studyapp/forms_of_explanations/composite.html"
    return Shown(name, sides_of(stimulus), parts=tuple(shown), holds_input=shown[0].holds_input)


def _single(form: SingleForm, stimulus: Stimulus, changes: Changes) -> Shown:
    sides = sides_of(stimulus)
    name = f"studyapp/forms_of_explanations/{form.form}.html"
    match form:
        case FeatureWeights():
            weights = [feature.weight for feature in form.features]
            rows = zip(form.features, bars(weights, sides), strict=True)
            return Shown(
                name,
                sides,
                rows=tuple(Row(f.name, f.value, bar, new=changes.get(f.name)) for f, bar in rows),
                holds_input=True,
            )
        case TokenWeights():
            return _words(name, sides, form, changes)
        case Heatmap():
            return _heatmap(name, sides, form, stimulus)
        case Concepts():
            drawn = zip(form.concepts, bars([concept.contribution for concept in form.concepts], sides), strict=True)
            return Shown(
                name,
                sides,
                rows=tuple(Row(concept.name, "", bar, _prototypes(concept.prototypes)) for concept, bar in drawn),
            )
        case CaptionMatch():
            return _caption_match(name, form, stimulus)
        case Rule():
            return _rule(name, sides, form, changes)
        case _:
            return _beside(name, sides, form, stimulus)


def _beside(
    name: str, sides: Sides, form: Examples | Strip | Prototypes | FeatureCards | Formulas, stimulus: Stimulus
) -> Shown:
    """Forms that show something beside the item."""
    match form:
        case Examples():
            return Shown(name, sides, neighbours=neighbours(form, stimulus))
        case Strip():
            return Shown(
                name,
                sides,
                steps=steps(form, sides),
                altered=altered(form),
                crosses=form.crosses,
                is_pictures=is_pictures(form),
            )
        case Prototypes(prototypes=shown):
            uncertain, beside = any(one.is_uncertain for one in shown), compared(form, stimulus)
            ranges = any(one.range for one in beside)
            return Shown(name, sides, compared=beside, is_uncertain=uncertain, has_ranges=ranges)
        case FeatureCards():
            return Shown(name, sides, cards=feature_cards(form, sides, stimulus))
        case Formulas():
            return Shown(name, sides, described=described(form, sides, stimulus))


def _rule(name: str, sides: Sides, form: Rule, changes: Changes) -> Shown:
    parts = ((part.name or str(place), part) for place, part in enumerate(form.parts))
    return Shown(
        name,
        sides,
        rows=tuple(Asked(part.name, part.value, part.is_condition, changes.get(where)) for where, part in parts),
        holds_input=True,
        has_conditions=bool(form.conditions),
        precision=percent(form.precision),
        coverage=percent(form.coverage),
    )


def sides_of(stimulus: Stimulus) -> Sides:
    """What the two directions are called. The class that is explained is named only where the study gave it."""
    is_signed = stimulus.is_signed
    output = stimulus.given.output if stimulus.given else None
    if output is None:
        against, towards = gettext("against the model’s answer"), gettext("for the model’s answer")
        return Sides(against, towards, against, towards, "b", is_signed)
    if len(stimulus.classes) == 2:
        first, second = stimulus.classes
        positive: Side = "a" if output == first else "b"
        return Sides(first, second, _towards(first), _towards(second), positive, is_signed)
    against = gettext("against “%(name)s”") % {"name": output}
    return Sides(against, _towards(output), against, _towards(output), "b", is_signed)


def _towards(name: str) -> str:
    return gettext("towards “%(name)s”") % {"name": name}


def bars(weights: Sequence[float], sides: Sides) -> list[Bar]:
    """Weights as bars, the strongest as long as there is room."""
    top = max((abs(weight) for weight in weights), default=0.0)
    decimals = decimals_for(top)
    return [_bar(weight, top, decimals, sides) for weight in weights]


def _bar(weight: float, top: float, decimals: int, sides: Sides) -> Bar:
    share = abs(weight) / top if top > 0 else 0.0
    side = sides.of(weight)
    middle = BAR_WIDTH / 2
    if not sides.is_signed:
        start, length = 0.0, share * BAR_WIDTH
    else:
        length = share * BAR_REACH
        start = middle - length if side == "a" else middle
    return Bar(side, f"{start:.1f}", f"{length:.1f}", size_and_side(weight, decimals, sides), sides.words(weight))


def decimals_for(top: float) -> int:
    """As many decimals as show two significant digits of the strongest weight."""
    if not (top > 0 and math.isfinite(top)):
        return 0
    return min(MAX_DECIMALS, max(0, 1 - math.floor(math.log10(top))))


def size_and_side(weight: float, decimals: int, sides: Sides) -> str:
    """The size in the language's digits with an arrow to its side.

    No sign: a plus on a bar to the left would say two things at once.
    """
    size = number_format(round(abs(weight), decimals), decimals)  # number_format alone cuts, it does not round
    if not sides.is_signed or round(weight, decimals) == 0:
        return size
    return f"← {size}" if sides.of(weight) == "a" else f"{size} →"


def neighbours(form: Examples, stimulus: Stimulus) -> tuple[Neighbour, ...]:
    """The examples, each as its modality is read beside the stimulus's own input."""
    found = []
    for example in form.examples:
        answer, item = stimulus.classes[example.class_index], stimulus.item.input
        match example.input:
            case TabularInput(values=values) if isinstance(item, TabularInput):
                pairs = zip(values, item.values, strict=True)
                differing = tuple(Difference(name, value, own) for (name, value), (_, own) in pairs if value != own)
                found.append(Neighbour(answer, differences=differing))
            case TextInput(tokens=tokens):
                found.append(Neighbour(answer, text=" ".join(tokens)))
            case ImageInput() as image:
                found.append(Neighbour(answer, picture=picture(image)))
    return tuple(found)


def steps(form: Strip, sides: Sides) -> tuple[StepShown, ...]:
    """The steps with their changes. Margins are drawn like weights: no bar says more of the output than its side.

    Pictures lead from less of the model's answer to more; they are turned round where its side is the left, so that
    what leans to the left stands there.
    """
    margins = [step.margin for step in form.steps]
    decimals = decimals_for(max((abs(margin) for margin in margins), default=0.0))
    found: list[StepShown] = []
    for step, bar in zip(form.steps, bars(margins, sides), strict=True):
        where, old, new = step.change or ("", "", "")
        drawn = replace(_at_least(bar), number=small_and_side(step.margin, decimals, sides)) if step.margin else bar
        name = where if isinstance(step.input, TabularInput) else ""
        image = picture(step.input) if isinstance(step.input, ImageInput) else ""
        found.append(StepShown(drawn, name, old, new, image, is_own=len(found) == form.own))
    return tuple(found[::-1] if is_pictures(form) and sides.positive == "a" else found)


def is_pictures(form: Strip) -> bool:
    return isinstance(form.steps[0].input, ImageInput)


def _at_least(bar: Bar) -> Bar:
    """The bar, wide enough to be seen on its side."""
    width = max(float(bar.width), BAR_LEAST)
    return replace(bar, x=f"{BAR_WIDTH / 2 - width:.1f}" if bar.side == "a" else bar.x, width=f"{width:.1f}")


def altered(form: Strip) -> tuple[Altered, ...]:
    """A text's words with all the changes; nothing for other items and where nothing was changed."""
    first = form.steps[0].input
    changes = {step.change[0]: step.change[2] for step in form.steps if step.change}
    if not (changes and isinstance(first, TextInput)):
        return ()
    places = ((str(place), token) for place, token in enumerate(first.tokens))
    return tuple(Altered(token, place in changes, changes.get(place, "")) for place, token in places)


def small_and_side(margin: float, decimals: int, sides: Sides) -> str:
    """As `size_and_side`, but what is not 0 keeps its side: the answer turns on it."""
    if margin == 0 or round(margin, decimals) != 0:
        return size_and_side(margin, decimals, sides)
    least = f"<{number_format(10**-decimals, decimals)}"
    return f"← {least}" if sides.of(margin) == "a" else f"{least} →"


def compared(form: Prototypes, stimulus: Stimulus) -> tuple[Compared, ...]:
    """The prototypes; their classes are named only where the study gave the model's output, since they tell it."""
    return tuple(
        Compared(
            pictures=_prototypes(one.pictures),
            answer=stimulus.classes[one.class_index] if _is_given(stimulus) else "",
            similarity=alike(one.similarity),
            width=f"{one.similarity * BAR_WIDTH:.1f}",
            low=alike(one.low),
            high=alike(one.high),
            range=_span(one.low, one.high) if alike(one.low) != alike(one.high) else None,
        )
        for one in form.prototypes
    )


def alike(similarity: float) -> str:
    """How alike, in whole percent. The ends are "over 99%" and "under 1%": nothing is known so well as to say all."""
    if similarity > 0.99:
        return gettext("over 99%")
    return gettext("under 1%") if similarity < 0.01 else _percent(similarity, 0)


def _is_given(stimulus: Stimulus) -> bool:
    """Whether the study gave the model's output."""
    return stimulus.given is not None and stimulus.given.output is not None


def _span(low: float, high: float) -> tuple[str, str]:
    return f"{low * BAR_WIDTH:.1f}", f"{(high - low) * BAR_WIDTH:.1f}"


def feature_cards(form: FeatureCards, sides: Sides, stimulus: Stimulus) -> tuple[Card, ...]:
    """The cards, with the word of the stimulus's own text that each is about."""
    item, drawn = stimulus.item.input, bars([card.effect for card in form.cards], sides)
    tokens = item.tokens if isinstance(item, TextInput) else ()
    return tuple(
        Card(card.name, "".join(tokens[card.place : card.place + 1]), bar, pieces(card.top), pieces(card.spread))
        for card, bar in zip(form.cards, drawn, strict=True)
    )


def pieces(snippets: Sequence[Snippet]) -> tuple[Piece, ...]:
    """Snippets cut at the marked word."""
    return tuple(
        Piece(
            " ".join(one.words[: one.place]),
            one.words[one.place],
            " ".join(one.words[one.place + 1 :]),
            percent(one.activity),
        )
        for one in snippets
    )


def described(form: Formulas, sides: Sides, stimulus: Stimulus) -> tuple[Described, ...]:
    """The units, each with the stimulus's own text, marked where its formula holds."""
    item, drawn = stimulus.item.input, bars([card.effect for card in form.cards], sides)
    tokens = item.tokens if isinstance(item, TextInput) else ()
    return tuple(
        Described(
            in_words(card.formula),
            tuple(Marked(token, place in card.places) for place, token in enumerate(tokens)),
            bar,
            percent(card.iou),
            "" if card.held_out_iou is None else percent(card.held_out_iou),
        )
        for card, bar in zip(form.cards, drawn, strict=True)
    )


def percent(share: float) -> str:
    """A share in whole percent; what is neither none nor all is never rounded to it."""
    if share == 0:
        return gettext("none")
    if share < 0.01:
        return gettext("less than 1%")
    if 0.99 < share < 1:
        return gettext("more than 99%")
    return _percent(share, 0)


def _words(name: str, sides: Sides, form: TokenWeights, changes: Changes) -> Shown:
    words = tinted_words(form, sides)
    told = tuple(replace(word, new=changes.get(str(place))) for place, word in enumerate(words))
    if not are_shares(form.weights, is_signed=sides.is_signed):
        return Shown(name, sides, rows=strongest_words(form, bars(form.weights, sides)), words=told, holds_input=True)
    lengths, even = lengths_of(form.weights)
    decimals = decimals_for(100 * max(form.weights))
    shown = [_share(*pair, decimals) for pair in zip(form.weights, lengths, strict=True)]
    return Shown(
        name,
        sides,
        rows=strongest_words(form, shown),
        words=told,
        holds_input=True,
        even=_percent(1 / len(form.weights), decimals),
        even_at=f"{even * BAR_WIDTH:.1f}",
        is_nearly_even=nearly_even(form.weights),
    )


def _share(share: float, length: float, decimals: int) -> Bar:
    return Bar("b", "0.0", f"{length * BAR_WIDTH:.1f}", _percent(share, decimals), "")


def _percent(share: float, decimals: int) -> str:
    return gettext("%(number)s%%") % {"number": number_format(round(100 * share, decimals), decimals)}


def tinted_words(form: TokenWeights, sides: Sides) -> tuple[Word, ...]:
    """Every token with its side and its strength beside the strongest; of shares, what is above the even one."""
    signed = not are_shares(form.weights, is_signed=sides.is_signed)
    weights = form.weights if signed else above_even(form.weights)
    top = max((abs(weight) for weight in form.weights), default=0.0) if signed else 1.0
    return tuple(
        Word(token, sides.of(weight), level_of(weight, top)) for token, weight in zip(form.tokens, weights, strict=True)
    )


def level_of(weight: float, top: float) -> int:
    """0 below a seventh of the strongest, then thirds."""
    share = abs(weight) / top if top > 0 else 0.0
    return 0 if share < 1 / 7 else min(LEVELS, 1 + int(share * LEVELS))


def strongest_words(form: TokenWeights, shown: Sequence[Bar]) -> tuple[Row, ...]:
    """The words that counted most, strongest first."""
    ranked = sorted(zip(form.tokens, form.weights, shown, strict=True), key=lambda entry: -abs(entry[1]))
    ranked = ranked[:N_STRONGEST_WORDS]
    return tuple(Row(token, "", bar) for token, weight, bar in ranked if weight != 0)


def _heatmap(name: str, sides: Sides, form: Heatmap, stimulus: Stimulus) -> Shown:
    image, top = stimulus.item.input, max((abs(value) for value in form.values), default=0.0)
    decimals = decimals_for(top)
    return Shown(
        name,
        sides,
        picture=picture(image) if isinstance(image, ImageInput) else "",
        overlay=overlay(form, sides.positive, sides.is_signed),
        scale=scale(sides.is_signed),
        strongest=number_format(round(top, decimals), decimals),
    )


def _caption_match(name: str, form: CaptionMatch, stimulus: Stimulus) -> Shown:
    """Sides are those of the caption, not of the classes. Its words name one: they wait until the output is given."""
    against, towards = gettext("against the caption"), gettext("for the caption")
    sides = Sides(against, towards, against, towards, "b", stimulus.is_signed)
    words = tinted_words(form.caption, sides) if _is_given(stimulus) else ()
    return replace(_heatmap(name, sides, form.picture, stimulus), words=words)


def _prototypes(prototypes: Sequence[object]) -> tuple[str, ...]:
    return tuple(picture(prototype) for prototype in prototypes if isinstance(prototype, ImageInput))
