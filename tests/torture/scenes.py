"""What the torture needs in its database, made by Foretell's own code: `python -m tests.torture.scenes prepare`.

A process of its own, because the tests' process looks at another database. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence

N_TESTS = 4
CAPACITY = 100_000
EXPLAINER = "saliency"


def main() -> None:
    import django

    parser = argparse.ArgumentParser()
    parser.add_argument("scene", choices=sorted(SCENES))
    parser.add_argument("--explanations", type=int, default=0, help="jobs of one explanation each")
    parser.add_argument("--poison", type=int, default=0)
    parser.add_argument("--slow", type=float, default=0, help="seconds that each of them takes before it begins")
    parser.add_argument("--askers", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="seed of the first explanation: others are other rows")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.torture.settings")
    django.setup()
    print(json.dumps(SCENES[options.scene](options)))


def prepare(options: argparse.Namespace) -> Mapping[str, object]:
    """All migrations, a small predictor, and twins: two open studies that differ in the model's outputs alone."""
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0)
    _train()
    from studyapp.management.owner import as_owner
    from tests.studyapp.views.participant_study import make_study

    with transaction.atomic():  # a change and its entry in the audit trail are one
        twins = [make_study("tabular", capacity=CAPACITY, n_tests=N_TESTS, seed=7) for _ in range(2)]
    with as_owner():
        _turn_the_outputs(twins[1].study.frozen.pk)
    return {"links": [made.join for made in twins], "n_steps": twins[0].n_steps, "code": "DONE42"}


def _train() -> None:
    from explainers.material import MATERIAL
    from explainers.predictors import PREDICTORS
    from explainers.train import train
    from studyapp.actions.explain import artefact
    from studyapp.actions.material import add_material
    from tests.journeys.small_predictors import ENTRIES, MADE, NAME

    name = f"{NAME}-gru"
    MATERIAL[NAME], PREDICTORS[name] = MADE, ENTRIES[name]  # type: ignore[index]
    train(name, out=artefact(name))
    add_material([name], per_cell=8, seed=0)


def _turn_the_outputs(design_id: int) -> None:
    """The database refuses such a change, so its guard steps aside for it."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE studyapp_studyitem DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE studyapp_studyitem SET perturbed_output = 1 - perturbed_output,"
            " output = CASE item_set WHEN 'test' THEN 1 - output ELSE output END"
            " WHERE design_id = %s AND item_set IN ('test', 'changed')",
            [design_id],
        )
        cursor.execute("ALTER TABLE studyapp_studyitem ENABLE TRIGGER USER")


def enqueue(options: argparse.Namespace) -> Mapping[str, object]:
    """Explanations that wait for workers, one a job, and jobs that kill whoever begins them."""
    from django.db import transaction

    from studyapp import queue
    from studyapp.actions import explain
    from studyapp.models import Job

    explain.BATCH = 1
    with transaction.atomic():
        for _ in range(options.poison):
            queue.enqueue("poison", queue=queue.EXPLAIN, args={})
        explain.request_explanations(_wanted(options.first, options.explanations), study=_study())
        if options.slow:
            Job.objects.filter(kind="explain").update(kind="slow", args={"seconds": options.slow})
    return {"jobs": options.explanations + options.poison}


def ask(options: argparse.Namespace) -> Mapping[str, object]:
    """Many at once ask for the same explanations, each in a transaction of its own."""
    together = threading.Barrier(options.askers)
    errors: list[str] = []
    wanted, study = _wanted(options.first, options.explanations), _study()
    threads = [
        threading.Thread(target=_ask_once, args=(wanted, study, together, errors.append)) for _ in range(options.askers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"errors": errors}


def _ask_once(
    wanted: Sequence[object], study: object, together: threading.Barrier, fail: Callable[[str], None]
) -> None:
    from django.db import connection

    from studyapp.actions import explain

    try:
        connection.ensure_connection()
        together.wait(60)
        explain.request_explanations(wanted, study=study)  # type: ignore[arg-type]
    except Exception as error:  # told to whoever runs the scene
        fail(f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def _study() -> object:
    from studyapp.models import Study

    return Study.objects.order_by("pk").first()


def _wanted(first: int, count: int) -> Sequence[object]:
    from explainers.types import ExplainerSpec
    from studyapp.design.explaining import Wanted
    from studyapp.models import Item, Predictor
    from tests.journeys.small_predictors import NAME

    predictor = Predictor.objects.get(key=f"{NAME}-gru")
    items = list(Item.objects.filter(dataset=predictor.dataset).order_by("pk").values_list("key", flat=True))
    spec = ExplainerSpec(EXPLAINER, {})
    return [
        Wanted(
            arm="", item="", content=items[seed % len(items)], donor=None, predictor=predictor.key, spec=spec,
            seed=seed, address=hashlib.sha256(f"{items[seed % len(items)]}/{seed}".encode()).hexdigest(),
        )
        for seed in range(first, first + count)
    ]  # fmt: skip


SCENES: Mapping[str, Callable[[argparse.Namespace], Mapping[str, object]]] = {
    "prepare": prepare,
    "enqueue": enqueue,
    "ask": ask,
}

if __name__ == "__main__":
    main()
