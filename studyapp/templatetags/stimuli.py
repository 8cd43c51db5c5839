"""How inputs and their changes look, and small helpers of the screens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django import template

from explainers.types import ImageInput, TabularInput, TextInput
from studyapp.design.facts import ShownItem
from studyapp.errors import AnswerInvalid
from studyapp.screens import Check
from studyapp.tasktypes.base import Option
from studyapp.templatetags.pictures import picture

register = template.Library()

REGION = re.compile(r"rows (\d+)-(\d+), columns (\d+)-(\d+)")
FRAME = 0.6  # how far a region's outline stands off, in pixels of the picture


@dataclass(frozen=True)
class Cell:
    """A variable's value, and the new one where it changed."""

    name: str
    value: str
    new: str | None = None


@dataclass(frozen=True)
class Piece:
    """A word, and the new one where it changed."""

    text: str
    new: str | None = None


@dataclass(frozen=True)
class Frame:
    """The outline around a changed region, in pixels of the picture."""

    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class ShownInput:
    """An input (or both, before and after a change) ready for the template of its modality."""

    template: str
    cells: tuple[Cell, ...] = ()
    pieces: tuple[Piece, ...] = ()
    picture: str = ""
    changed_picture: str = ""
    width: int = 0
    height: int = 0
    frames: tuple[Frame, ...] = ()
    is_changed: bool = False


@register.simple_tag
def shown_input(item: ShownItem) -> ShownInput:
    """The item as it is, without its change."""
    return _shown(item, changed=False)


@register.simple_tag
def shown_change(item: ShownItem) -> ShownInput:
    """The item with its change marked: what was and what is now."""
    return _shown(item, changed=True)


def _shown(item: ShownItem, *, changed: bool) -> ShownInput:
    changes = {where: new for where, _, new in item.changes} if changed else {}
    name = f"studyapp/participant/inputs/{item.input.modality}.html"
    match item.input:
        case TabularInput(values=values):
            cells = tuple(Cell(key, value, changes.get(key)) for key, value in values)
            return ShownInput(name, cells=cells, is_changed=changed)
        case TextInput(tokens=tokens):
            pieces = tuple(Piece(token, changes.get(str(place))) for place, token in enumerate(tokens))
            return ShownInput(name, pieces=pieces, is_changed=changed)
        case ImageInput() as image:
            after = item.perturbed if changed else None
            return ShownInput(
                name,
                picture=picture(image),
                changed_picture=picture(after) if isinstance(after, ImageInput) else "",
                width=image.width,
                height=image.height,
                frames=frames(tuple(changes)),
                is_changed=changed,
            )


def frames(regions: Sequence[str]) -> tuple[Frame, ...]:
    """Outlines for "rows 3-7, columns 10-14", counted from 1; other words have no place and get none."""
    found = (REGION.fullmatch(region) for region in regions)
    return tuple(_frame(*(int(number) for number in match.groups())) for match in found if match)


def _frame(top: int, bottom: int, left: int, right: int) -> Frame:
    return Frame(
        f"{left - 1 - FRAME:.1f}",
        f"{top - 1 - FRAME:.1f}",
        f"{right - left + 1 + 2 * FRAME:.1f}",
        f"{bottom - top + 1 + 2 * FRAME:.1f}",
    )


@dataclass(frozen=True)
class Button:
    """An option with the key that presses it; the key is empty where no single key can."""

    value: str
    text: str
    key: str
    is_chosen: bool


@register.simple_tag
def buttons(options: Sequence[Option], chosen: Mapping[str, str], field: str = "answer") -> tuple[Button, ...]:
    """The options as buttons. Names that are single characters (the digits 4 and 9) are their own keys."""
    own_keys = all(len(option.text) == 1 for option in options)
    return tuple(
        Button(
            option.value,
            option.text,
            (option.text if own_keys else option.key) if own_keys or len(option.key) == 1 else "",
            chosen.get(field) == option.value,
        )
        for option in options
    )


@dataclass(frozen=True)
class CheckQuestion:
    """One question of the comprehension check as a group of buttons; `is_missing` where it must be answered yet."""

    field: str
    text: str
    buttons: tuple[Button, ...]
    is_missing: bool


@register.simple_tag
def check_questions(check: Check, chosen: Mapping[str, str], error: AnswerInvalid | None) -> tuple[CheckQuestion, ...]:
    """The questions with their buttons: sent by number, and pressed by no key, for several stand on the page."""
    return tuple(
        _check_question(f"answer-{place}", text, options, chosen, error)
        for place, (text, options) in enumerate(check.questions)
    )


def _check_question(
    field: str, text: str, options: Sequence[str], chosen: Mapping[str, str], error: AnswerInvalid | None
) -> CheckQuestion:
    values = [str(place) for place in range(len(options))]
    answered = chosen.get(field)
    buttons = tuple(Button(value, option, "", answered == value) for value, option in zip(values, options, strict=True))
    return CheckQuestion(field, text, buttons, is_missing=error is not None and answered not in values)
