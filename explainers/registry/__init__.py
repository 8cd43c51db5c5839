"""The explainers a study can choose, in the order people see them. Free of torch: the web server reads it.

To add one: a file in `explainers/methods/` and an entry in one of the files here. Form, bounds and contract tests
follow from the entry.
"""

from __future__ import annotations

from collections.abc import Mapping

from explainers.errors import ParameterError, UnknownName
from explainers.registry.composite import COMPOSITE, PARAMS_OF_ALL, PARTS
from explainers.registry.entries import Choice, Digest, Entry, Float, Int, Param
from explainers.registry.imported import IMPORTABLE, IMPORTS, UPLOAD
from explainers.registry.placebos import PLACEBOS
from explainers.registry.showing import SHOWING
from explainers.registry.weighing import WEIGHING
from explainers.types import ExplainerSpec, FormName, Modality

__all__ = [
    "EXPLAINERS",
    "IMPORTABLE",
    "IMPORTS",
    "Choice",
    "Digest",
    "Entry",
    "Float",
    "Int",
    "Param",
    "base_name",
    "base_of",
    "checked",
    "entry",
    "form_of",
    "forms_of",
    "needs_of",
    "own_params",
    "parts_of",
    "signed_of",
]

EXPLAINERS: Mapping[str, Entry] = {**WEIGHING, **SHOWING, **COMPOSITE, **PLACEBOS}


def entry(name: str) -> Entry:
    """Look a method up; raises UnknownName with the names there are."""
    found = EXPLAINERS.get(name) or IMPORTS.get(name)
    if found is None:
        raise UnknownName(f"explainer: {name!r} is none of {', '.join((*EXPLAINERS, *IMPORTS))}")
    return found


def checked(spec: ExplainerSpec, path: str = "explainer") -> ExplainerSpec:
    """The same spec with every parameter present and inside its bounds; raises ParameterError with its path."""
    params = entry(spec.name).params
    unknown = sorted(set(spec.params) - set(params))
    if unknown:
        raise ParameterError(f"{path}.params.{unknown[0]}: {spec.name} has no such parameter")
    values = {
        key: param.check(spec.params.get(key, param.default), f"{path}.params.{key}") for key, param in params.items()
    }
    _check_parts(ExplainerSpec(spec.name, values), f"{path}.params")
    return ExplainerSpec(spec.name, values)


def own_params(name: str) -> tuple[str, ...]:
    """The parameters that a method does not merely hand on: of placebos and composites those of no other method."""
    found = entry(name)
    hands_on = name in EXPLAINERS and (found.placebo or name in COMPOSITE)
    return tuple(key for key in found.params if not (hands_on and key in PARAMS_OF_ALL))


def _check_parts(spec: ExplainerSpec, path: str) -> None:
    """Refuse a composite that shows a method twice, or methods that no predictor or kind of item goes with."""
    names = [(key, str(spec.params[key])) for key in PARTS] if parts_of(spec) else []
    for n, (key, name) in enumerate(names):
        if name in [before for _, before in names[:n]]:
            raise ParameterError(f"{path}.{key}: {name} is on the page already; choose another method")
    needs = [needs_of(part) for part in parts_of(spec)]
    if len([some for some in needs if some]) > 1 and not needs_of(spec):
        raise ParameterError(f"{path}.second: no predictor goes with all of these methods; choose others")
    if names and not forms_of(spec):
        raise ParameterError(f"{path}.second: no items can be explained by all of these methods; choose others")


def parts_of(spec: ExplainerSpec) -> tuple[ExplainerSpec, ...]:
    """The explanations that a composite puts on one page; none for other methods. A placebo's are placebos."""
    found = entry(spec.name)
    if base_of(spec) is not EXPLAINERS["composite"]:
        return ()
    names = [str(spec.params.get(key, param.default)) for key, param in PARTS.items()]
    specs = [
        ExplainerSpec(spec.name, {**spec.params, "method": name}) if found.placebo else ExplainerSpec(name, spec.params)
        for name in names
        if name != "none"
    ]
    return tuple(
        ExplainerSpec(one.name, {key: value for key, value in one.params.items() if key in entry(one.name).params})
        for one in specs
    )


def base_name(spec: ExplainerSpec) -> str:
    """The name of the method whose look the result has: a placebo's base method, otherwise the method itself."""
    found = entry(spec.name)
    if not found.placebo or spec.name in IMPORTS:
        return spec.name
    return found.looks_like or str(spec.params.get("method", found.params["method"].default))


def base_of(spec: ExplainerSpec) -> Entry:
    """The entry of `base_name`."""
    return entry(base_name(spec))


def signed_of(spec: ExplainerSpec) -> bool:
    """Whether the weights that people are shown say for or against, or only how much."""
    if spec.name in IMPORTS:
        return spec.params.get("direction", UPLOAD["direction"].default) == "signed"
    return base_of(spec).signed


def forms_of(spec: ExplainerSpec) -> Mapping[Modality, FormName]:
    """The form this spec gives on each modality that it serves: a placebo's are its base method's, of its own ones.

    A composite serves what all of its parts serve, imports what their form is for.
    """
    if spec.name in IMPORTS:
        form = str(spec.params.get("form", UPLOAD["form"].default))
        known = [name for name in IMPORTABLE if name == form]
        return {modality: name for name in known for modality in IMPORTABLE[name]}
    served = [entry(spec.name).forms, *(forms_of(part) for part in parts_of(spec))]
    shown = base_of(spec).forms
    return {modality: form for modality, form in shown.items() if all(modality in forms for forms in served)}


def form_of(spec: ExplainerSpec, modality: Modality) -> FormName:
    """The form this spec gives on a modality; raises ParameterError where the method does not serve it."""
    forms = forms_of(spec)
    if modality not in forms:
        raise ParameterError(f"explainer: {spec.name} serves {', '.join(forms)}, not {modality}; choose another method")
    return forms[modality]


def needs_of(spec: ExplainerSpec) -> tuple[str, ...]:
    """The architectures this spec is bound to; none where any will do. A placebo needs what its base method needs.

    A composite needs what its parts have in common.
    """
    first, *others = [needs for part in parts_of(spec) if (needs := needs_of(part))] or [base_of(spec).architectures]
    return tuple(name for name in first if all(name in needs for needs in others))
