"""Small real rows for tests: material without torch, a frozen study whose explanations are ready.

Nothing here stands in for our own code: rows are made through the actions wherever there is one.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.utils import timezone

from explainers.registry import form_of
from explainers.types import (
    Concept,
    Concepts,
    ExplainerSpec,
    FeatureWeight,
    FeatureWeights,
    Form,
    Heatmap,
    ImageInput,
    Input,
    TabularInput,
    TextInput,
    TokenWeights,
    input_from_json,
)
from studyapp.actions import accounts, lifecycle, studies, unblinding
from studyapp.actions.freeze import freeze
from studyapp.design.canonical import sha256_of
from studyapp.design.templates import TEMPLATES
from studyapp.models import (
    Dataset,
    Explanation,
    Item,
    Lab,
    Link,
    Membership,
    Output,
    Perturbation,
    Predictor,
    Role,
    Study,
    User,
)
from studyapp.models.explanations import ExplanationState
from studyapp.models.studies import StageKind

CLASSES = {
    "adult": ("$50,000 or less", "More than $50,000"),
    "movies": ("Negative", "Positive"),
    "digits": ("4", "9"),
}
MODALITIES = {"adult": "tabular", "movies": "text", "digits": "image"}
PREDICTORS = {
    "adult": {"adult-mlp": "mlp", "adult-senn": "senn"},
    "movies": {"movies-gru": "gru", "movies-senn": "senn"},
    "digits": {"digits-cnn": "cnn", "digits-senn": "senn"},
}
_numbers = itertools.count(1)


def make_user(email: str = "", password: str | None = None) -> User:
    return User.objects.create_user(email=email or f"researcher{next(_numbers)}@example.org", password=password)


def make_lab(owner: User | None = None, name: str = "Lab") -> Lab:
    return accounts.create_lab(name=name, owner=owner or make_user())


def add_member(lab: Lab, role: Role, user: User | None = None) -> User:
    user = user or make_user()
    Membership.objects.create(lab=lab, user=user, role=role)
    return user


def owner_of(lab: Lab) -> User:
    return Membership.objects.filter(lab=lab, role=Role.OWNER).first().user


def make_input(dataset: str, number: int) -> Input:
    """An input that no other number gives."""
    match MODALITIES[dataset]:
        case "tabular":
            return TabularInput(
                (("Age", f"{20 + number % 50} years"), ("Hours a week", f"{number} hours"), ("Sex", "Female"))
            )
        case "text":
            return TextInput(("film", f"number{number}", "is", "rather", "good"))
        case _:
            return ImageInput(28, 28, 1, bytes((number * 7 + n) % 256 for n in range(784)))


def make_material(dataset: str = "adult", per_cell: int = 12) -> Dataset:
    """Items in every cell of label x output, each with one perturbation that flips and one that does not."""
    row = Dataset.objects.filter(key=dataset).first()
    if row:
        return row
    row = Dataset.objects.create(
        key=dataset, title=dataset.capitalize(), modality=MODALITIES[dataset], classes=list(CLASSES[dataset])
    )
    predictors = [
        Predictor.objects.create(
            dataset=row,
            key=key,
            title=key,
            architecture=architecture,
            weights_sha256=sha256_of(key),
            card={"name": key},
        )
        for key, architecture in PREDICTORS[dataset].items()
    ]
    number = itertools.count(1)
    items, perturbations = [], []
    outputs: list[tuple[Item, Perturbation | None, int]] = []
    for label, output, _ in itertools.product((0, 1), (0, 1), range(per_cell)):
        items.append(item := new_item(row, make_input(dataset, next(number)), label))
        outputs.append((item, None, output))
        for flips in (False, True):
            perturbations.append(changed := _new_perturbation(item, make_input(dataset, 10_000 + next(number))))
            outputs.append((item, changed, 1 - output if flips else output))
    Item.objects.bulk_create(items)  # every test that touches a study makes these rows: three statements, not hundreds
    Perturbation.objects.bulk_create(perturbations)
    Output.objects.bulk_create(
        Output(predictor=predictor, item=item, perturbation=changed, class_index=output, probability=0.8)
        for item, changed, output in outputs
        for predictor in predictors
    )
    return row


def make_item(dataset: Dataset, content: Input, label: int) -> Item:
    item = new_item(dataset, content, label)
    item.save()
    return item


def new_item(dataset: Dataset, content: Input, label: int) -> Item:
    return Item(dataset=dataset, key=sha256_of(content.to_json()), content=content.to_json(), label=label)


def _new_perturbation(item: Item, changed: Input) -> Perturbation:
    return Perturbation(
        item=item,
        key=sha256_of(changed.to_json()),
        kind="test",
        content=changed.to_json(),
        changes=[["Age", "young", "old"]],
    )


def small_document(dataset: str = "adult", template: str = "forward", **changes: Any) -> dict[str, Any]:
    """A template's design with 4 examples and 8 test items."""
    document: dict[str, Any] = TEMPLATES[template].make(dataset)
    sizes = {"learning": 4, "test": 8, "changed": 8}
    document["item_sets"] = [{**s, "n_items": sizes[s["key"]]} for s in document["item_sets"]]
    return {**document, **changes}


def make_draft(lab: Lab | None = None, document: Mapping[str, Any] | None = None, dataset: str = "adult") -> Study:
    make_material(dataset)
    lab = lab or make_lab()
    return studies.create_study(lab=lab, document=dict(document or small_document(dataset)), actor=owner_of(lab))


def make_frozen(
    lab: Lab | None = None, document: Mapping[str, Any] | None = None, dataset: str = "adult", *, explained: bool = True
) -> Study:
    study = make_draft(lab, document, dataset)
    freeze(study=study, actor=owner_of(study.lab))
    if explained:
        make_explanations_ready(study)
    return Study.objects.get(pk=study.pk)


def make_open(lab: Lab | None = None, document: Mapping[str, Any] | None = None, dataset: str = "adult") -> Study:
    study = make_frozen(lab, document, dataset)
    return lifecycle.open_study(study=study, actor=owner_of(study.lab))


def main_link(study: Study) -> Link:
    return Link.objects.get(stage__study=study, stage__kind=StageKind.MAIN)


def make_explanations_ready(study: Study, seed_rs: Mapping[str, Sequence[float]] = MappingProxyType({})) -> None:
    """Store explanations as a worker would, with weights that name their own key; `seed_rs` by explainer, in turn."""
    agreements = {name: itertools.cycle(values) for name, values in seed_rs.items()}
    rows = list(Explanation.objects.of_design(study.frozen).pending().select_related("item"))
    said = Output.objects.filter(item__in=[row.item_id for row in rows], perturbation=None).order_by("-pk")
    classes = dict(said.values_list("item", "class_index"))  # the first predictor's
    for row in rows:
        content = input_from_json(row.item.content)
        row.form = make_form(content, form_of(ExplainerSpec(row.explainer, row.params), content.modality)).to_json()
        row.explained_class = classes[row.item_id]
        row.diagnostics = {"seconds": 0.01, "samples": 10.0}
        if row.explainer in agreements:
            row.diagnostics["seed_r"] = next(agreements[row.explainer])
        row.state = ExplanationState.READY
        row.computed_at = timezone.now()
        row.save()


def make_form(content: Input, name: str) -> Form:
    """A form of the right shape for an input."""
    if isinstance(content, TabularInput):
        return FeatureWeights(
            tuple(FeatureWeight(key, value, 0.3 - 0.25 * n) for n, (key, value) in enumerate(content.values))
        )
    if isinstance(content, TextInput):
        return TokenWeights(content.tokens, tuple(0.4 - 0.2 * n for n in range(len(content.tokens))))
    if name == "concepts":
        return Concepts(tuple(Concept(f"Concept {n + 1}", 0.5, 0.6 - 0.4 * n, (content, content)) for n in range(3)))
    n_pixels = content.height * content.width
    return Heatmap(content.height, content.width, tuple((n % 29 - 14) / 14 for n in range(n_pixels)))


def new_key() -> uuid.UUID:
    return uuid.uuid4()


def unblind(study: Study) -> Study:
    """Reveal a closed study's arms: an owner asks, a second owner confirms."""
    second = add_member(study.lab, Role.OWNER)
    unblinding.request_unblinding(study=study, actor=owner_of(study.lab))
    return unblinding.confirm_unblinding(study=study, actor=second)
