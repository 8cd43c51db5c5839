"""Formulas of concepts in words, as they are read from left to right: a comma closes what stands before it."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext

from explainers.types import Clause, Joint


def in_words(formula: Sequence[Clause]) -> str:
    """The formula as a part of a sentence that begins with "active at"."""
    first, *others = formula
    text, before = concept_in_words(first), first.joint
    for clause in others:
        text = _joined(text, before, clause)
        before = clause.joint
    return text


def _joined(text: str, before: Joint, clause: Clause) -> str:
    parts = {"before": text, "next": concept_in_words(clause)}
    match clause.joint:
        case "and":
            return gettext("%(before)s, and at the same time %(next)s") % parts
        case "and_not":
            return gettext("%(before)s, but not %(next)s") % parts
        case "or" if before == "or":
            return gettext("%(before)s or %(next)s") % parts
    return gettext("%(before)s, or %(next)s") % parts


def concept_in_words(clause: Clause) -> str:
    """What a word is, where the concept holds at it."""
    named = [gettext("“%(word)s”") % {"word": word} for word in clause.words]
    match clause.concept:
        case "word":
            return named[0]
        case "one_of":
            return gettext("a word from the list of %(words)s …") % {"words": ", ".join(named)}
        case "unknown":
            return gettext("a word the model does not know")
        case "first":
            return gettext("one of the first three words")
        case "last":
            return gettext("one of the last three words")
        case "behind_negation":
            return gettext("a word up to three places after “not” or another negation")
        case "capital":
            return gettext("a word with a capital letter")
        case "digit":
            return gettext("a word with a digit")
        case "punctuation":
            return gettext("a word before a punctuation mark")
