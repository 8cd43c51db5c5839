"""Everything of a stage as one zip: data long and wide, codebook, design, plan, items, report, and how to repeat it."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from analysis.api import report_from_json
from analysis.columns import COLUMNS
from analysis.errors import ReportError
from analysis.text import report_text
from analysis.words import methods_paragraph, results_paragraph
from studyapp.exports.design import design_json
from studyapp.exports.frozen import allocation_document, frozen_document
from studyapp.exports.participants import participant_columns, participant_rows
from studyapp.exports.responses import analysed_with, response_rows, write_csv
from studyapp.exports.sheets import lines_of, write_table
from studyapp.models import ArmExplanation, ArmMeasures, FrozenDesign, Report, Stage, StudyItem
from studyapp.models.frozen import frozen_study
from studyapp.models.snapshot import one_snapshot

README = """{title}
{rule}

Stage: {stage}. Frozen design: sha256 {design_sha256}.

responses.csv      one row a screen and participant; jsPsych's names where it has them; times in ms, dates in UTC
responses.jsonl    the same rows with every text byte by byte; in the tables a text that a spreadsheet would run as a
                   formula (it begins with = + - @, a tab or a line end) stands behind an apostrophe
participants.csv   one row a participant, folded from responses.csv
codebook.csv       what each column of responses.csv means, its unit and its values
items.csv          the inputs that were asked about, their labels and the model's outputs
explanations.jsonl what each arm showed with each item, and its diagnostics
measures.json      how good each arm's explanations are without people: metrics by arm, a value an item
design.json        the frozen design; plan.json is the analysis plan in it
frozen.json        the hashes that were fixed at freezing, and what they are over
allocation.json    after unblinding: the key, the method and every place of the allocation sequence
looks.json         of a study with planned looks, after unblinding: what each of them found
report.json        the report; report.txt is the same to read; figures/ holds its charts

Repeat the report from these files, on any machine with Foretell's `analysis` package:

    python -m analysis responses.csv design.json{options}

Its numbers equal report.json to 1e-9. Check the hashes, and derive every allocation again from its key:

    python -m studyapp.design audit .

subject_id is random and says nothing of the person; no panel id and no
internet address is in these files.
"""


@one_snapshot()
def write_archive(stage: Stage, file: IO[bytes], *, key: bytes | None = None, looks: str = "") -> None:
    """Write the zip of a stage and those analysed with it, row by row; the caller checked that arms may be seen.

    `key` is that of the allocation, once the study is unblinded; then the archive holds what an auditor needs. `looks`
    is what planned looks found, as JSON.
    """
    frozen = stage.study.frozen
    stages = analysed_with(stage)
    design = frozen_study(frozen.pk).design
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(stage, has_looks=bool(looks)))
        archive.writestr("dataset_description.json", _description(stage))
        _write_responses(archive, stages)
        with _text(archive, "participants.csv") as out:
            write_table(out, participant_columns(design), participant_rows(design, response_rows(stages)))
        with _text(archive, "codebook.csv") as out:
            out.writelines(lines_of(("column", "type", "unit", "values", "meaning"), _codebook()))
        with _text(archive, "items.csv") as out:
            out.writelines(lines_of(ITEM_COLUMNS, _items(stage)))
        with _text(archive, "explanations.jsonl") as out:
            out.writelines(_explanations(stage))
        archive.writestr("measures.json", _pretty(_measures(frozen)))
        archive.writestr("design.json", design_json(frozen))
        archive.writestr("frozen.json", _pretty(frozen_document(frozen)))
        if key is not None:
            archive.writestr("allocation.json", _pretty(allocation_document(stage.study, key)))
        if looks:
            archive.writestr("looks.json", looks)
        archive.writestr("plan.json", json.dumps(frozen.document["plan"], indent=2) + "\n")
        _write_report(archive, stage)


def _pretty(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


@contextmanager
def _text(archive: zipfile.ZipFile, name: str) -> Iterator[io.TextIOWrapper]:
    with archive.open(name, "w", force_zip64=True) as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
        yield text


def _write_responses(archive: zipfile.ZipFile, stages: Sequence[Stage]) -> None:
    # Both from one walk through the rows; a zip takes one member at a time, so the twin waits in a file.
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as twin:
        with _text(archive, "responses.csv") as out:
            write_csv(out, response_rows(stages), twin)
        twin.seek(0)
        with _text(archive, "responses.jsonl") as out:
            shutil.copyfileobj(twin, out)


def _readme(stage: Stage, *, has_looks: bool) -> str:
    frozen = stage.study.frozen
    planned = stage.kind in frozen.document["plan"]["stages"]
    return README.format(
        title=stage.study.title,
        rule="=" * len(stage.study.title),
        stage=stage,
        design_sha256=frozen.sha256,
        options=("" if planned else f" --stage {stage.kind}") + (" --looks looks.json" if has_looks else ""),
    )


def _description(stage: Stage) -> str:
    """schema.org's Dataset, as Psych-DS asks for."""
    description = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": stage.study.title,
        "description": f"Responses of a randomized trial of explanations, stage {stage}.",
        "identifier": str(stage.study.public_id),
        "variableMeasured": [
            {"@type": "PropertyValue", "name": c.name, "description": c.meaning, "unitText": c.unit} for c in COLUMNS
        ],
    }
    return json.dumps(description, indent=2) + "\n"


BEHIND_APOSTROPHE = "A text that a spreadsheet would run as a formula stands behind an apostrophe."


def _codebook() -> Iterator[tuple[str, ...]]:
    for column in COLUMNS:
        meaning = (
            f"{column.meaning} {BEHIND_APOSTROPHE}" if column.kind == "text" and not column.values else column.meaning
        )
        yield (column.name, column.kind, column.unit, "|".join(column.values), meaning)


ITEM_COLUMNS = (
    "item",
    "item_set",
    "content_sha256",
    "label",
    "model_output",
    "model_output_perturbed",
    "input",
    "changes",
)


def _items(stage: Stage) -> Iterator[tuple[object, ...]]:
    study = frozen_study(stage.study.frozen.pk)
    rows = StudyItem.objects.filter(design=stage.study.frozen).select_related("item", "perturbation").order_by("key")
    for row in rows:
        changed = "" if row.perturbed_output is None else study.classes[row.perturbed_output]
        changes = json.dumps(row.perturbation.changes, ensure_ascii=False) if row.perturbation else ""
        content = json.dumps(row.item.content, ensure_ascii=False)
        yield (
            row.key,
            row.item_set,
            row.item.key,
            study.classes[row.label],
            study.classes[row.output],
            changed,
            content,
            changes,
        )


def _explanations(stage: Stage) -> Iterator[str]:
    rows = ArmExplanation.objects.filter(design=stage.study.frozen).select_related("explanation", "study_item")
    for row in rows.order_by("arm", "study_item__key"):
        shown = {
            "arm": row.arm,
            "item": row.study_item.key,
            "explainer": row.explanation.explainer,
            "params": row.explanation.params,
            "seed": row.explanation.seed,
            "address": row.explanation.key,
            "explanation": row.explanation.form,
            "diagnostics": row.explanation.diagnostics,
        }
        yield json.dumps(shown, ensure_ascii=False) + "\n"


def _measures(frozen: FrozenDesign) -> dict[str, object]:
    return {row.arm: row.measurements for row in ArmMeasures.objects.filter(design=frozen).order_by("arm")}


def _write_report(archive: zipfile.ZipFile, stage: Stage) -> None:
    report = Report.objects.filter(stage=stage, document__isnull=False).first()
    if report is None:
        return
    try:
        result = report_from_json(json.dumps(report.document))
    except ReportError:  # of an earlier version's form: its numbers are kept as they are
        archive.writestr("report.json", json.dumps(report.document, indent=1) + "\n")
        return
    text = "\n".join(
        [report_text(result), "Methods", methods_paragraph(result), "", "Results", results_paragraph(result), ""]
    )
    archive.writestr("report.json", result.to_json())
    archive.writestr("report.txt", text)
    for figure in report.figures or ():
        archive.writestr(f"figures/{figure['name']}.svg", figure["svg"])
