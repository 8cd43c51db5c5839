"""A design as a form: saved untouched it is the same design, and a refusal stands at its field."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from studyapp.actions.studies import problems_of
from studyapp.design.schema import parse_design
from studyapp.design.templates import TEMPLATES
from studyapp.errors import DesignRefused, Problem
from studyapp.forms.design import DesignEditor, Document, with_another_arm
from tests.factories import make_lab, make_material, small_document

pytestmark = pytest.mark.django_db


def full(document: Document) -> Document:
    return parse_design(document).document()


def filled(base: Document, **typed: str) -> QueryDict:
    """What a browser sends when the form of `base` is shown and some fields are typed over."""
    editor = DesignEditor(base)
    data = QueryDict(mutable=True)
    for form in (editor.form, editor.arms.management_form, *editor.arms.forms):
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                data[field.html_name] = str(value)
    for name, value in typed.items():
        assert name in data or name.startswith(("arms-", "design-")), name
        data[name] = value
    return data


def saved(base: Document, **typed: str) -> Document:
    editor = DesignEditor(base, filled(base, **typed))
    assert editor.is_valid(), list(editor.all_errors())
    return full(editor.document())


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("dataset", ["adult", "movies", "digits"])
def test_a_template_saved_untouched_is_the_same_design(template: str, dataset: str) -> None:
    make_material(dataset)
    base = full(TEMPLATES[template].make(dataset))

    assert saved(base) == base


def test_what_the_form_cannot_say_stays_as_it_was() -> None:
    make_material()
    base = full(small_document())
    base["phases"][1]["blocks"][0]["order"] = "fixed"
    base["plan"]["stages"] = ["main", "top_up"]

    assert saved(base, **{"design-title": "Another"}) == {**base, "title": "Another"}


def test_the_fields_of_a_form_become_the_design() -> None:
    make_material()
    base = full(small_document())

    document = saved(
        base,
        **{
            "design-items-1": "12",
            "design-phase-0-title": "First",
            "design-strata": "Age? | young | old",
            "design-block_multiples": "2, 3",
            "design-smallest_effect": "7.5",
            "arms-2-explainer": "lime",
            "arms-2-lime-n_samples": "700",
            "arms-0-weight": "2",
        },
    )

    expected = full(base)
    expected["item_sets"][1]["n_items"] = 12
    expected["phases"][0]["title"] = "First"
    expected["allocation"] |= {
        "strata": [{"key": "age", "question": "Age?", "options": ["young", "old"]}],
        "block_multiples": [2, 3],
    }
    expected["plan"]["smallest_effect"] = 0.075
    expected["arms"][2]["explainer"]["params"]["n_samples"] = 700
    expected["arms"][0]["weight"] = 2
    assert document == expected


def test_a_smallest_effect_is_read_in_the_unit_of_the_estimand() -> None:
    make_material()
    base = full(small_document())
    asked = {"design-estimand": "gain_in_d_prime", "design-smallest_effect": "0.4"}

    document = saved(base, **asked)

    assert (document["plan"]["estimand"], document["plan"]["smallest_effect"]) == ("gain_in_d_prime", 0.4)
    assert DesignEditor(document).form.initial["smallest_effect"] == 0.4
    assert DesignEditor(base).form.initial["smallest_effect"] == 10


def test_looks_and_limits_of_response_times_are_fields() -> None:
    make_material()
    base = full(small_document())
    typed = {"design-looks": "33, 67 %", "design-spending": "pocock", "design-low_ms": "200", "design-high_ms": ""}

    document = saved(base, **typed)

    assert document["plan"]["looks"] == {"times": [0.33, 0.67, 1.0], "spending": "pocock"}
    assert document["plan"]["response_times"] == {"low_ms": 200, "high_ms": None}
    assert saved(document) == document
    assert saved(document, **{"design-looks": "", "design-low_ms": ""}) == base


@pytest.mark.parametrize("typed", ["half", "100", "0.123", "-5", "50; 60"])
def test_looks_that_are_no_percentages_are_refused_at_their_field(typed: str) -> None:
    make_material()
    editor = DesignEditor(base := full(small_document()), filled(base, **{"design-looks": typed}))
    assert not editor.is_valid()
    assert "looks" in editor.form.errors


def test_a_refusal_of_looks_stands_at_their_field() -> None:
    make_material()
    editor = DesignEditor(base := full(small_document()), filled(base, **{"design-looks": "67, 33"}))
    assert editor.is_valid()
    with pytest.raises(DesignRefused) as refused:
        parse_design(editor.document())
    editor.refuse(refused.value.problems)
    assert "end with 1" in str(editor.form.errors["looks"])


def test_the_control_of_the_plan_follows_the_arms() -> None:
    make_material()
    base = full(small_document())

    document = saved(
        base, **{"arms-0-DELETE": "on", "arms-1-role": "control", "arms-1-explainer": "", "arms-1-title": "Nothing"}
    )

    assert [arm["key"] for arm in document["arms"]] == ["placebo", "lime", "senn"]
    assert document["plan"]["control"] == "placebo"


def test_another_arm_gets_a_key_that_no_other_has() -> None:
    make_material()
    base = full(small_document())
    data = with_another_arm(filled(base))
    new = {"title": "LIME", "role": "explained", "predictor": "adult-mlp", "explainer": "saliency", "weight": "1"}
    for key, value in new.items():
        data[f"arms-4-{key}"] = value

    editor = DesignEditor(base, data)

    assert editor.is_valid(), list(editor.all_errors())
    assert editor.document()["arms"][4] == {
        "key": "lime_2",
        "title": "LIME",
        "role": "explained",
        "predictor": "adult-mlp",
        "explainer": {"name": "saliency", "params": {}},
        "weight": 1,
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"design-items-1": "10"}, "Your first guesses, Your guesses now"),
        ({"design-items-1": "400"}, "Your first guesses, Your guesses now"),
        ({"design-redirect": "https://panel.example/a b"}, "Redirect"),
        ({"design-code": "no spaces here"}, "Completion code"),
        ({"arms-1-explainer": ""}, "Explainer"),
        ({"arms-3-predictor": "adult-mlp"}, "Explainer"),
        ({"arms-2-lime-n_samples": "3"}, "N samples"),
    ],
)
def test_a_refusal_stands_at_its_field(changes: dict[str, str], field: str) -> None:
    make_material()
    base = full(small_document())
    editor = DesignEditor(base, filled(base, **changes))

    if editor.is_valid():
        try:
            editor.refuse(problems_of(full(editor.document()), make_lab()))
        except DesignRefused as refused:
            editor.refuse(refused.problems)

    assert {label for _, label, _ in editor.all_errors()} == {field}


def test_a_problem_of_no_field_stands_at_the_top_with_its_path() -> None:
    make_material()
    base = full(small_document())
    editor = DesignEditor(base, filled(base))
    assert editor.is_valid()

    editor.refuse([Problem("phases", "block key 'x' stands twice")])

    assert list(editor.all_errors()) == [("", "", "phases: block key 'x' stands twice")]


def test_a_predictor_that_is_not_trained_here_is_not_changed_silently() -> None:
    make_material()
    base = full(small_document())
    base["arms"][2]["predictor"] = "adult-forest"

    assert saved(base) == base


def test_rules_of_data_quality_are_ticked_and_set_and_keep_their_order() -> None:
    make_material()
    base = full(small_document())
    typed = {"design-rule-pastes": "on", "design-rule-pastes-times": "3", "design-rule-fast_trials-ms": "200"}

    rules = saved(base, **typed)["quality"]["rules"]

    assert [rule["rule"] for rule in rules] == [
        "fast_trials",
        "flat_times",
        "clock_mismatch",
        "straight_line",
        "shared_browser",
        "pastes",
    ]
    assert (rules[0]["params"], rules[-1]["params"]) == ({"ms": 200, "share": 0.1}, {"times": 3})


def test_a_rule_without_its_number_or_beyond_its_bounds_is_refused_at_the_field() -> None:
    make_material()
    base = full(small_document())
    data = filled(base, **{"design-rule-flat_times-cv": "2"})
    data["design-rule-fast_trials-ms"] = ""

    editor = DesignEditor(base, data)

    assert not editor.is_valid()
    assert {label for _, label, _ in editor.all_errors()} == {
        "milliseconds (50–10000)",
        "coefficient of variation (0.01–1)",
    }


def test_a_box_that_is_not_ticked_takes_its_rule_away() -> None:
    make_material()
    base = full(small_document())
    data = filled(base)
    for rule in base["quality"]["rules"]:
        del data[f"design-rule-{rule['rule']}"]
    editor = DesignEditor(base, data)

    assert editor.is_valid()
    assert editor.document()["quality"] == {"rules": []}


def test_studies_whose_people_are_kept_out_are_chosen_among_the_labs_own() -> None:
    make_material()
    base = full(small_document())
    others = {"0" * 8 + "-0000-4000-8000-" + "0" * 12: "An earlier one"}
    data = filled(base)
    data["design-exclude"] = next(iter(others))
    editor = DesignEditor(base, data, others)

    assert editor.is_valid(), list(editor.all_errors())
    assert full(editor.document())["recruiting"] == {"exclude": list(others)}
    data["design-exclude"] = "1" * 8 + "-0000-4000-8000-" + "0" * 12
    assert not DesignEditor(base, data, others).is_valid()


def test_what_a_placebo_hands_on_is_lines_and_stays_as_it_was() -> None:
    make_material()
    base = full(small_document())
    placebo = base["arms"][1]
    assert placebo["explainer"]["name"] == "placebo_random_weights"
    placebo["explainer"]["params"] = {"method": "lime", "n_samples": 700, "kernel_width": 0.5}

    assert saved(base) == base
    changed = saved(base, **{"arms-1-placebo_random_weights-more": "n_samples = 900\n\nsteady_r=0.95"})

    assert changed["arms"][1]["explainer"]["params"] == {"method": "lime", "n_samples": 900, "steady_r": 0.95}
    editor = DesignEditor(base, filled(base, **{"arms-1-placebo_random_weights-more": "n_samples: 900"}))
    assert not editor.is_valid()
    assert "write a parameter, an equals sign" in str(editor.arms.forms[1].errors)


def test_a_parameter_that_nobody_knows_is_refused() -> None:
    make_material()
    base = full(small_document())
    editor = DesignEditor(base, filled(base, **{"arms-1-placebo_random_weights-more": "n_sample = 900"}))
    assert editor.is_valid()
    editor.refuse(problems_of(editor.document(), make_lab()))
    assert "n_sample: placebo_random_weights has no such parameter" in str(list(editor.all_errors()))


def test_twelve_arms_are_fewer_fields_than_a_form_may_have(settings) -> None:
    make_material()
    base = full(small_document())
    base["arms"] = [{**base["arms"][1], "key": f"arm{n}"} for n in range(12)]
    assert len(filled(base)) < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
