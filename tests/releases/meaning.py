"""What the rows of a database mean, in words that every version has: run by an older version and by this one, compared.

Read through the code that runs it, not through SQL: a column may move, its meaning may not.
"""

from __future__ import annotations

import csv
import io
import json
import os

COUNTED = (
    "Lab", "User", "Membership", "Study", "FrozenDesign", "StudyItem", "Stage", "Link", "Seal", "Item", "Perturbation",
    "Output", "Predictor", "Explanation", "ArmExplanation", "Participant", "Enrolment", "PanelIdentity", "Consent",
    "Decline", "Stratum", "Assignment", "Response", "Report", "Job",
)  # fmt: skip


def meaning() -> dict[str, object]:
    """Counts, designs, items, runs, rows of the exports and reports."""
    from studyapp import models
    from studyapp.models import Enrolment, Explanation, Study

    return {
        "counts": {name: getattr(models, name).objects.count() for name in COUNTED},
        "studies": {str(study.public_id): of_study(study) for study in Study.objects.all()},
        "explanations": {row.key: [row.state, row.form] for row in Explanation.objects.all()},
        "enrolments": {row.code: [row.state, row.position, row.attempt, row.arm] for row in Enrolment.objects.all()},
    }


def of_study(study: object) -> dict[str, object]:
    frozen = getattr(study, "frozen", None)
    found = {"title": study.title, "state": study.state, "draft": study.draft}
    if frozen is None:
        return found
    from studyapp.actions.allocate import mechanism, sequence_label
    from studyapp.actions.sealing import unseal
    from studyapp.design.canonical import sha256_of

    key = unseal(bytes(study.seal.encrypted_key), "allocation")
    stage = study.stages.get(kind="main")
    sequence = [mechanism(frozen.design).place(key, sequence_label(stage, ""), n).arm for n in range(20)]
    return found | {
        "document": frozen.document,
        "design": [frozen.sha256, sha256_of(frozen.document), frozen.items_sha256],
        "items": {
            item.key: [item.item.key, item.label, item.output, item.perturbed_output] for item in frozen.items.all()
        },
        "sequence": sequence,
        "stages": {str(stage): of_stage(stage) for stage in study.stages.all()},
    }


def of_stage(stage: object) -> dict[str, object]:
    from studyapp.exports.responses import responses_csv
    from studyapp.models import Report

    report = Report.objects.filter(stage=stage, document__isnull=False).first()
    return {
        "capacity": [stage.capacity, stage.allocated],
        "responses": list(csv.DictReader(io.StringIO(responses_csv([stage])))),
        "report": report.document if report else None,
        "estimates": estimates(stage) if report else None,
    }


def estimates(stage: object) -> object:
    """What the planned analysis says now."""
    from analysis.api import analyse, read_design, read_table
    from studyapp.exports.design import design_json
    from studyapp.exports.responses import analysed_with, responses_csv

    result = analyse(read_table(responses_csv(analysed_with(stage))), read_design(design_json(stage.study.frozen)))
    return json.loads(result.to_json())["estimates"]


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")
    django.setup()
    print(json.dumps(meaning(), ensure_ascii=False))
