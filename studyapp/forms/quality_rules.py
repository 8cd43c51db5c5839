"""The rules of data quality as fields of the design's form: a box to tick, and a number for each parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django import forms

from analysis.quality.base import Parameter, Rule
from analysis.quality.registry import RULES, meaning

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class RuleFields:
    """A rule with its fields, as the template shows them."""

    rule: Rule
    meaning: str
    chosen: forms.BoundField
    params: tuple[forms.BoundField, ...]


def rule_fields(base: Mapping[str, Any]) -> dict[str, forms.Field]:
    """The fields of every rule, set as in a design, or by default where it does not have the rule."""
    planned = _planned(base)
    fields: dict[str, forms.Field] = {}
    for name, rule in RULES.items():
        fields[_box(name)] = forms.BooleanField(required=False, initial=name in planned, label=rule.title)
        for key, parameter in rule.params.items():
            initial = planned.get(name, {}).get(key, parameter.default)
            fields[_number(name, key)] = _field(parameter, initial)
    return fields


def _field(parameter: Parameter, initial: float) -> forms.Field:
    low, high = parameter.low, parameter.high
    title = f"{parameter.title} ({low:g}–{high:g})"
    if parameter.is_whole:
        return forms.IntegerField(min_value=int(low), max_value=int(high), initial=int(initial), label=title)
    return forms.FloatField(min_value=low, max_value=high, initial=initial, label=title)


def shown_rules(form: forms.Form) -> Iterator[RuleFields]:
    """Every rule with its bound fields."""
    for name, rule in RULES.items():
        numbers = {key: form.fields[_number(name, key)].initial for key in rule.params}
        params = tuple(form[_number(name, key)] for key in rule.params)
        yield RuleFields(rule, meaning(name, numbers), form[_box(name)], params)


def rules_document(cleaned: Mapping[str, Any], base: Mapping[str, Any]) -> list[Document]:
    """The chosen rules as the design writes them: those it had in their order, then new ones in the registry's."""
    had = [name for name in _planned(base) if name in RULES]
    order = [*had, *(name for name in RULES if name not in had)]
    return [
        {"rule": name, "params": {key: cleaned[_number(name, key)] for key in RULES[name].params}}
        for name in order
        if cleaned[_box(name)]
    ]


def _planned(base: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    planned: Sequence[Mapping[str, Any]] = base.get("quality", {}).get("rules", ())
    return {rule["rule"]: rule.get("params", {}) for rule in planned}


def _box(rule: str) -> str:
    return f"rule-{rule}"


def _number(rule: str, key: str) -> str:
    return f"rule-{rule}-{key}"
