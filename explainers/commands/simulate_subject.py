"""`python -m explainers simulate`: what a small learner gains from each method's explanations."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from explainers.candidates import changes_of
from explainers.commands.options import (
    Commands,
    Trained,
    add_command,
    add_items,
    add_params,
    counter,
    find_requests,
    find_trained,
    names,
    read_params,
)
from explainers.errors import ParameterError
from explainers.folders import write_whole
from explainers.material import material as find_material
from explainers.material.base import split
from explainers.metrics.measure import Arm
from explainers.registry import EXPLAINERS, entry
from explainers.simulated.simulate import Changes, simulate
from explainers.simulated.types import Learned, Mean, Simulation
from explainers.types import ExplainerSpec, Input, ItemRequest

NAME = "simulate"
_DESCRIPTION = """\
Teach a simulated subject, a small learner, exactly what the participants of an arm would see, and test it on items
that it has not seen. Each of several learners sees its own draw of learning items with the predictor's outputs and
the arm's explanations; those of the control arm see the same items without. What a method adds to the control arm
bounds what can be learned from its explanations; it foretells nobody's answers and is never put together with them.

  forward         the output for a new item, without an explanation, as in Foretell's forward test
  counterfactual  the output for a changed item, with the unchanged one, its output and its explanation in sight

The share right counts each kind of question alike: each output, or whether the change flips it."""
_EXAMPLES = """\
examples:
  python -m explainers simulate --predictor adult-mlp --method lime --method placebo_random_weights
  python -m explainers simulate --predictor digits-cnn --method grad_cam --learning 0:128 --items 128:384 --json
  python -m explainers simulate --predictor adult-senn --task counterfactual --method senn --method lime \\
      --param lime.n_samples=1000 --seeds 40 --out simulated.json"""


def add_parser(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        NAME,
        text="teach a small learner what participants see, and test it",
        description=_DESCRIPTION,
        below=[names("methods", EXPLAINERS), _EXAMPLES],
    )
    add_items(command)
    command.set_defaults(items="64:192")
    command.add_argument(
        "--method",
        required=True,
        action="append",
        choices=EXPLAINERS,
        metavar="NAME",
        help="an arm; as often as you like, each method once",
    )
    command.add_argument(
        "--learning",
        default="0:64",
        metavar="FROM:TO",
        help="the distinct held-out items to learn from; 0:64 unless given. --items are those of the test",
    )
    command.add_argument(
        "--shown", type=int, default=16, help="how many of them each learner sees, drawn anew for each; 16 unless given"
    )
    command.add_argument("--seeds", type=int, default=20, help="how many learners an arm has; 20 unless given")
    command.add_argument("--task", choices=("forward", "counterfactual"), default="forward", help="see above")
    add_params(command, "METHOD.NAME=VALUE, a parameter of a method; the method may be left out where there is one")
    command.add_argument("--level", type=float, default=0.95, help="of the intervals; 0.95 unless given")
    command.add_argument("--out", type=Path, metavar="FILE", help="write everything as JSON")
    command.add_argument("--json", action="store_true", help="print that JSON instead of the table")


def run(options: argparse.Namespace) -> None:
    """Simulate, print the table, write the file; raises ExplainerError or OSError."""
    specs = _specs(options)
    trained = find_trained(options.predictor)
    learning = find_requests(trained, options.learning, specs, options.seed)
    test = find_requests(trained, options.items, specs, options.seed)
    found = simulate(
        trained.predictor,
        [Arm(spec) for spec in specs],
        learning,
        test,
        changes=_changes(trained, learning, test, options.seed) if options.task == "counterfactual" else None,
        n_shown=options.shown,
        n_learners=options.seeds,
        seed=options.seed,
        level=options.level,
        progress=counter(len(specs), "arms"),
    )
    content = {"learning": options.learning, "items": options.items, **found.to_json()}
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    if options.out is not None:
        write_whole(options.out, text.encode("utf-8"))
    print(text if options.json else _table(found))


def _specs(options: argparse.Namespace) -> list[ExplainerSpec]:
    methods: list[str] = options.method
    if len(set(methods)) < len(methods):
        raise ParameterError("--method: each method once was expected; run the command again for other parameters")
    params = read_params(options.param, "METHOD.NAME=VALUE")
    if "" in params and len(methods) == 1:
        params[methods[0]] = {**params.pop(""), **params.get(methods[0], {})}
    unused = sorted(set(params) - set(methods))
    if unused:
        named = unused[0] or "NAME=VALUE"
        raise ParameterError(f"--param {named}: METHOD.NAME=VALUE with one of {', '.join(methods)} was expected")
    return [ExplainerSpec(name, params.get(name, {})) for name in methods]


def _changes(trained: Trained, learning: Sequence[ItemRequest], test: Sequence[ItemRequest], seed: int) -> Changes:
    material = find_material(trained.card.material)
    train = split(material.read(), trained.card.split_shares, trained.card.split_seed).train
    inputs = [request.input for request in (*learning, *test)]
    found = changes_of(trained.predictor, material, train, inputs, seed=seed)
    rows: list[tuple[Input, ...]] = [tuple(change.input for change in row) for row in found]
    return Changes(tuple(rows[: len(learning)]), tuple(rows[len(learning) :]))


# --- output ----------------------------------------------------------------------------------------------------------


def _table(found: Simulation) -> str:
    lines = [
        f"Simulated subject on {found.predictor}, {found.task} simulation: no person has answered this",
        f"{found.n_learners} learners, each sees {found.n_shown} of {found.n_learning} items and answers "
        f"{found.n_questions} questions; {found.before:.3f} right before",
        "",
        f"{'arm':44} {'right after':26} {'beyond control':26} uses it",
        *(_line(arm) for arm in found.arms),
    ]
    left = dict.fromkeys(sentence for arm in found.arms for sentence in arm.unused)
    return "\n".join([*lines, *(["", *left] if left else [])])


def _line(arm: Learned) -> str:
    title = "No explanation" if arm.explainer is None else entry(arm.explainer.name).title
    if arm.reason:
        return f"{title:44} {arm.reason}"
    beyond = "" if arm.beyond_control is None else _said(arm.beyond_control, "+.3f")
    uses = "" if arm.uses is None else f"{arm.uses:.0%}"
    return f"{title:44} {_said(arm.after, '.3f'):26} {beyond:26} {uses}".rstrip()


def _said(mean: Mean, digits: str) -> str:
    interval = "" if mean.low is None else f" [{mean.low:{digits}}, {mean.high:{digits}}]"
    return f"{mean.value:{digits}}{interval}"
