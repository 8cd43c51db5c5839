"""What the registry says of explanations that nothing computes."""

from __future__ import annotations

import pytest

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods.base import method
from explainers.registry import EXPLAINERS, IMPORTABLE, IMPORTS, base_of, checked, entry, form_of, forms_of, signed_of
from explainers.types import ExplainerSpec
from tests.contracts.tiny import case

UPLOAD = "0123456789abcdef" * 4


def spec(name: str = "imported", **params: str) -> ExplainerSpec:
    return ExplainerSpec(name, {"upload": UPLOAD, **params})


@pytest.mark.parametrize("name", IMPORTS)
@pytest.mark.parametrize("form", IMPORTABLE)
def test_form_and_modalities_follow_the_file(name: str, form: str) -> None:
    found = checked(spec(name, form=form))

    assert forms_of(found) == dict.fromkeys(IMPORTABLE[form], form)  # type: ignore[index]
    with pytest.raises(ParameterError):
        form_of(checked(spec(name, form="rule")), "image")


@pytest.mark.parametrize("name", IMPORTS)
def test_direction_follows_the_file(name: str) -> None:
    assert signed_of(checked(spec(name)))
    assert signed_of(checked(spec(name, direction="signed")))
    assert not signed_of(checked(spec(name, direction="sizes")))
    assert {known for known in EXPLAINERS if not signed_of(ExplainerSpec(known, {}))} >= {"saliency", "anchors"}
    assert signed_of(ExplainerSpec("placebo_random", {"method": "lime"}))
    methods = {known: found for known, found in EXPLAINERS.items() if not found.placebo}
    assert all(signed_of(ExplainerSpec(known, {})) == found.signed for known, found in methods.items())
    assert not signed_of(ExplainerSpec("placebo_random", {"method": "saliency"}))


@pytest.mark.parametrize("upload", ["", "x", UPLOAD.upper(), UPLOAD + "0", 7])
def test_an_upload_is_named_by_its_sha256(upload: object) -> None:
    with pytest.raises(ParameterError, match=r"^explainer\.params\.upload: .* is no SHA-256 of an uploaded file"):
        checked(ExplainerSpec("imported", {"upload": upload}))  # type: ignore[dict-item]


@pytest.mark.parametrize("name", IMPORTS)
def test_nothing_computes_them(name: str) -> None:
    tiny = case("tabular-mlp")

    with pytest.raises(ParameterError, match=f"{name} comes from a file, nothing computes it"):
        explain(tiny.predictor, spec(name), tiny.requests)
    with pytest.raises(ParameterError, match=f"{name} comes from a file; it cannot explain anything else"):
        method(name)


@pytest.mark.parametrize("name", IMPORTS)
def test_entries_say_what_the_web_server_shows(name: str) -> None:
    found = entry(name)

    assert base_of(spec(name)) is found
    assert found.title
    assert found.summary.endswith(".")
    assert all(param.help.endswith(".") for param in found.params.values())
    assert name not in EXPLAINERS
