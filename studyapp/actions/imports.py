"""Explanations made elsewhere: taking in a file, holding a design against it, and giving arms what it says.

No job computes these: where a design asks for one, it is copied from the file when the design is frozen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from explainers.errors import ImportRefused, InputError
from explainers.imports.moving import moved
from explainers.imports.reading import ImportFile, KnownItem, check_items, read_import
from explainers.registry import IMPORTS
from explainers.types import Form, form_from_json, input_from_json
from studyapp.actions import audit
from studyapp.design.explaining import Wanted
from studyapp.design.sampling import DrawnItem
from studyapp.design.schema import Design
from studyapp.errors import Problem, WrongState
from studyapp.models import (
    Explanation,
    ExplanationUpload,
    Item,
    Lab,
    Output,
    Predictor,
    Study,
    UploadedExplanation,
    User,
)
from studyapp.models.explanations import ExplanationState
from studyapp.models.studies import StudyItem
from studyapp.models.wanted import study_items, wanted_by

MAX_UPLOADS = 200  # of a lab
N_NAMED = 3  # items that a message names


# --- bringing a file -------------------------------------------------------------------------------------------------


@transaction.atomic
def take_in(*, study: Study, content: bytes, name: str, actor: User) -> ExplanationUpload:
    """Keep a file for the lab of a draft; the same file again is the one that is there.

    Raises ImportRefused with every problem's line and field, and WrongState once the design is frozen; then nothing is
    kept.
    """
    if not study.is_draft:
        raise WrongState(gettext("This design is frozen; it shows the explanations that it was frozen with."))
    file = read_import(content)
    predictor = _predictor(file, study)
    Lab.objects.select_for_update().get(pk=study.lab_id)  # two at once are one after the other
    known = ExplanationUpload.objects.filter(lab=study.lab_id, sha256=file.sha256).first()
    if known:
        return known
    if ExplanationUpload.objects.filter(lab=study.lab_id).count() >= MAX_UPLOADS:
        raise ImportRefused([gettext("This lab has %(n)d files already, which is the most.") % {"n": MAX_UPLOADS}])
    items = _check_items(file, predictor)
    header = file.header
    upload = ExplanationUpload.objects.create(
        lab=study.lab,
        predictor=predictor,
        sha256=file.sha256,
        name=name[:100],
        method=header.method,
        form=header.form,
        is_signed=header.signed,
        reference=header.reference,
        uploaded_by=actor,
    )
    UploadedExplanation.objects.bulk_create(
        UploadedExplanation(upload=upload, item_id=items[one.item], form=one.form.to_json()) for one in file.items
    )
    audit.record(
        "uploaded explanations",
        f"{header.method} of {predictor.key}",
        actor=actor,
        study=study,
        after={"sha256": file.sha256, "items": len(file.items)},
    )
    return upload


def _predictor(file: ImportFile, study: Study) -> Predictor:
    """The current predictor that the header names, on the study's data."""
    header, dataset = file.header, str(study.draft.get("dataset"))
    known = {row.key: row for row in Predictor.objects.filter(is_current=True, dataset__key=dataset)}
    found = known.get(header.predictor)
    if found is None:
        names = ", ".join(sorted(known)) or "none"
        raise ImportRefused([f"line 1: header.predictor.name: one of {names} was expected, {header.predictor} came"])
    if header.weights_sha256 not in {"", found.weights_sha256}:
        raise ImportRefused(
            [
                f"line 1: header.predictor.weights_sha256: {found.weights_sha256} was expected, "
                f"{header.weights_sha256} came; explain the predictor as it is here"
            ]
        )
    return found


def _check_items(file: ImportFile, predictor: Predictor) -> dict[str, int]:
    """The file's items as rows here, by their keys; raises ImportRefused where an explanation is not of its item."""
    rows = Item.objects.filter(dataset=predictor.dataset_id, key__in=[one.item for one in file.items])
    items = {row.key: row for row in rows}
    said = outputs_of(predictor.pk, [row.pk for row in items.values()])
    known = {key: KnownItem(input_from_json(row.content), said[row.pk]) for key, row in items.items() if row.pk in said}
    check_items(file, known.get, len(predictor.dataset.classes))
    return {key: row.pk for key, row in items.items()}


def outputs_of(predictor_id: int, items: Iterable[int]) -> dict[int, int]:
    """The class that a predictor gives each item, by their numbers."""
    rows = Output.objects.filter(predictor_id=predictor_id, perturbation=None, item__in=items)
    return dict(rows.values_list("item_id", "class_index"))


# --- a design beside the files ---------------------------------------------------------------------------------------


def import_problems(design: Design, drawn: Mapping[str, Sequence[DrawnItem]], lab: Lab) -> list[Problem]:
    """What keeps the arms with imported explanations from showing one with every item."""
    if not any(arm.explainer and arm.explainer.name in IMPORTS for arm in design.arms):
        return []
    wanted = defaultdict(list)
    for one in wanted_by(design, study_items(design, drawn, None)):
        wanted[one.arm].append(one)
    uploads = {row.sha256: row for row in ExplanationUpload.objects.filter(lab=lab).select_related("predictor")}
    found: list[Problem] = []
    for position, arm in enumerate(design.arms):
        if arm.explainer and arm.explainer.name in IMPORTS:
            path, upload = f"arms[{position}].explainer.params", uploads.get(str(arm.explainer.params["upload"]))
            found += _problems_of_arm(path, wanted[arm.key], upload)
    return found


def _problems_of_arm(path: str, wanted: Sequence[Wanted], upload: ExplanationUpload | None) -> Iterator[Problem]:
    if upload is None:
        yield Problem(f"{path}.upload", gettext("the lab has no such file; upload it, or choose another"))
        return
    for name in ("form", "direction"):
        came = wanted[0].spec.params[name] if wanted else upload.params[name]
        if came != upload.params[name]:
            text = gettext("the file has %(theirs)s, %(came)s came")
            yield Problem(f"{path}.{name}", text % {"theirs": upload.params[name], "came": came})
            return
    if (wanted and wanted[0].predictor != upload.predictor.key) or not upload.predictor.is_current:
        text = gettext("the file explains %(predictor)s as it was trained then, not this arm's predictor")
        yield Problem(f"{path}.upload", text % {"predictor": upload.predictor.key})
        return
    yield from _missing(path, wanted, upload)


def _missing(path: str, wanted: Sequence[Wanted], upload: ExplanationUpload) -> Iterator[Problem]:
    forms = _forms([upload.sha256])
    told = {source_of(one): one.item for one in wanted}
    lacking = [item for content, item in told.items() if (upload.sha256, content) not in forms]
    if None in told:
        yield Problem(f"{path}.upload", gettext("an item has no other with the same output; take more items"))
    elif lacking:
        text = gettext("the file lacks %(n)d of the %(total)d items that are explained: %(items)s")
        names = ", ".join(lacking[:N_NAMED]) + (" …" if len(lacking) > N_NAMED else "")
        yield Problem(f"{path}.upload", text % {"n": len(lacking), "total": len(told), "items": names})
    else:
        yield from _unfit(path, wanted, forms)


def _unfit(path: str, wanted: Sequence[Wanted], forms: Mapping[tuple[str, str], Form]) -> Iterator[Problem]:
    """Explanations of other items that cannot stand on these."""
    keys = {key for one in wanted for key in (one.content, str(source_of(one)))}
    contents = dict(Item.objects.filter(key__in=keys).values_list("key", "content"))
    for one in wanted:
        source = str(source_of(one))
        form = forms[str(one.spec.params["upload"]), source]
        try:
            shown_form(one.spec.name, form, contents[one.content], contents[source])
        except InputError as error:
            yield Problem(f"{path}.upload", f"{one.item}: {error}")


# --- what arms show --------------------------------------------------------------------------------------------------


def fill(rows: Sequence[Explanation]) -> None:
    """Complete the imported ones among the rows from their files; those that no file holds stay as they are."""
    waiting = [row for row in rows if row.explainer in IMPORTS and row.state != ExplanationState.READY]
    if not waiting:
        return
    forms = _forms({row.params["upload"] for row in waiting})
    items = Item.objects.in_bulk({pk for row in waiting for pk in (row.item_id, row.donor_id) if pk})
    said = {pk: outputs_of(pk, items) for pk in {row.predictor_id for row in waiting}}
    for row in waiting:
        source = row.donor_id if IMPORTS[row.explainer].needs_donor else row.item_id
        form = forms.get((row.params["upload"], items[source].key)) if source else None
        if form is not None:
            shown = shown_form(row.explainer, form, items[row.item_id].content, items[source].content)
            _complete(row, shown, said[row.predictor_id][row.item_id])


def _complete(row: Explanation, form: Form, class_index: int) -> None:
    row.state, row.computed_at, row.error = ExplanationState.READY, timezone.now(), ""
    row.form, row.diagnostics, row.explained_class = form.to_json(), {}, class_index
    row.save(update_fields=["state", "computed_at", "error", "form", "diagnostics", "explained_class"])


def shown_form(explainer: str, form: Form, content: Mapping[str, object], source: Mapping[str, object]) -> Form:
    """What is shown with an item: its own explanation, or the placebo's; raises InputError where it cannot be."""
    if not IMPORTS[explainer].needs_donor:
        return form
    return moved(form, input_from_json(content), input_from_json(source))


def source_of(wanted: Wanted) -> str | None:
    """The item whose explanation is shown, by its key."""
    return wanted.donor if IMPORTS[wanted.spec.name].needs_donor else wanted.content


def _forms(uploads: Sequence[str] | set[str]) -> dict[tuple[str, str], Form]:
    """By file and item. A file is its bytes: which lab brought it makes no difference."""
    rows = UploadedExplanation.objects.filter(upload__sha256__in=uploads)
    found = rows.values_list("upload__sha256", "item__key", "form")
    return {(sha256, item): form_from_json(form) for sha256, item, form in found}


# --- what is to be explained -----------------------------------------------------------------------------------------


def explained_items(design: Design, drawn: Mapping[str, Sequence[DrawnItem]]) -> list[StudyItem]:
    """The items of a design that arms show explanations of, in the order of their keys."""
    sets = design.explained_item_sets()
    return sorted((row for row in study_items(design, drawn, None) if row.item_set in sets), key=lambda row: row.key)
