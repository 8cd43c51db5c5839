"""A simulated subject taught what each arm's participants see: the only way in from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from explainers.errors import InputError, ParameterError
from explainers.explain import explain
from explainers.methods.base import FloatArray, IntArray
from explainers.methods.blocks import own_classes
from explainers.metrics.measure import Arm
from explainers.predictors.base import Predictor
from explainers.predictors.fit import single_thread
from explainers.simulated.columns import Columns
from explainers.simulated.counterfactual import Counterfactual
from explainers.simulated.forward import Forward
from explainers.simulated.learner import (
    OF_BOTH,
    OF_CONTROL,
    OF_SHOWN,
    OF_STATEMENTS,
    Reading,
    answers,
    choose,
    right,
)
from explainers.simulated.seen import Reader, Seen, unused
from explainers.simulated.tables import Table
from explainers.simulated.types import REFERENCES, Learned, Mean, Simulation, Task
from explainers.types import Composite, Explanation, Form, Input, ItemRequest

FEWEST_SHOWN = 4
_DECIMALS = 9
# Forms that no study may show in a counterfactual test: what is asked could stand in them.
_TELLS_CHANGES = {"examples": "other items with their outputs", "strip": "changes with their outputs"}


@dataclass(frozen=True)
class Changes:
    """Changed inputs of each learning item and of each test item, any number an item."""

    learning: tuple[tuple[Input, ...], ...]
    test: tuple[tuple[Input, ...], ...]


def simulate(
    predictor: Predictor,
    arms: Sequence[Arm],
    learning: Sequence[ItemRequest],
    test: Sequence[ItemRequest],
    *,
    changes: Changes | None = None,
    n_shown: int = 16,
    n_learners: int = 20,
    seed: int = 0,
    level: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> Simulation:
    """Teach a simulated subject in a control arm and in each of the arms, and test it on other items.

    Parameters
    ----------
    predictor : Predictor
        The model whose outputs are foretold.
    arms : sequence of Arm
        Methods, with or without explanations: of the learning items and, with `changes`, of the test items after them.
    learning, test : sequence of ItemRequest
        The items to learn from and those to be tested on, with the seeds of their explanations.
    changes : Changes, optional
        Asks about changed items with the explanation of the unchanged one in sight (counterfactual simulation).
        Without them the test is forward simulation, without explanations.
    n_shown : int
        How many learning items each learner sees, at least 4: drawn without replacement for each learner, each output
        as often as another as far as there are enough.
    n_learners : int
        How many learners an arm has; the k-th sees the same items in every arm.
    seed : int
        Of these draws.
    level : float
        Of the intervals.
    progress : callable, optional
        Called with the number of arms done so far.

    Returns
    -------
    Simulation
        The control arm first, then the arms in their order, numbers rounded to 9 decimals. An arm whose explanations
        may not be shown in this test has a reason and no numbers. Intervals hold for learners of other draws from the
        same learning items, tested on the same test items.

    Raises
    ------
    UnknownName, ParameterError
        When a method is unknown, does not serve the predictor, or a number is out of bounds.
    InputError
        When there are too few learning items, no question, or not one explanation an item.
    """
    _check(learning, test, changes, n_shown, n_learners, level)
    arms = [arm.checked(predictor) for arm in arms]
    lab = _lab(predictor, learning, test, changes)
    draws = [_draw(lab, n_shown, np.random.default_rng([seed, learner])) for learner in range(n_learners)]
    with single_thread():
        control = _taught(lab, lab.questions(()), OF_CONTROL, draws)
        found = [_summary(lab, None, control, control, level)]
        for done, arm in enumerate(arms, start=1):
            found.append(_of_arm(lab, arm, draws, control, level))
            if progress is not None:
                progress(done)
    task: Task = "forward" if changes is None else "counterfactual"
    return Simulation(
        task=task,
        predictor=predictor.name,
        before=lab.before,
        n_learning=len(learning),
        n_shown=n_shown,
        n_questions=sum(map(len, lab.kinds[len(learning) :])),
        n_learners=n_learners,
        seed=seed,
        level=level,
        arms=tuple(found),
        reference=REFERENCES[task],
    )


def _check(
    learning: Sequence[ItemRequest],
    test: Sequence[ItemRequest],
    changes: Changes | None,
    n_shown: int,
    n_learners: int,
    level: float,
) -> None:
    if n_shown < FEWEST_SHOWN:
        raise ParameterError(f"n_shown: {n_shown} is below {FEWEST_SHOWN}")
    if n_learners < 1:
        raise ParameterError(f"n_learners: {n_learners} is below 1")
    if not 0 < level < 1:
        raise ParameterError(f"level: {level} is not between 0 and 1")
    if not test:
        raise InputError("test: no item came, one or more were expected")
    if {request.input for request in learning} & {request.input for request in test}:
        raise InputError("test: an item is among the learning items; ask about others than those learned from")
    if changes is not None and (len(changes.learning), len(changes.test)) != (len(learning), len(test)):
        raise InputError("changes: one row of changes was expected for each learning and each test item")


# --- what is common to the arms ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lab:
    """Items in numbers; learning items come first."""

    predictor: Predictor
    reader: Reader
    requests: tuple[ItemRequest, ...]
    n_learning: int
    classes: IntArray
    columns: FloatArray
    changed: tuple[FloatArray, ...] | None
    outputs: tuple[IntArray, ...]
    counted: tuple[Seen, ...]

    @property
    def before(self) -> float:
        return round(1 / len(self.predictor.classes), _DECIMALS)

    @property
    def kinds(self) -> list[IntArray]:
        return self.questions(()).kinds

    def questions(self, seen: tuple[Seen, ...]) -> Forward | Counterfactual:
        """The questions of an arm whose explanations are `seen`; of the control arm without any."""
        n_classes = len(self.predictor.classes)
        tables = {"counted": self._table(self.counted)} | ({"explained": self._table(seen)} if seen else {})
        if self.changed is None:
            return Forward(self.columns, self.classes, n_classes, tables, seen)
        return Counterfactual(
            self.columns, self.classes, n_classes, self.changed, self.outputs, tables, self.counted, seen
        )

    def _table(self, seen: tuple[Seen, ...]) -> Table:
        n = self.n_learning
        return Table(seen[:n], self.classes[:n], len(self.predictor.classes), self.reader.columns.size)


def _lab(
    predictor: Predictor, learning: Sequence[ItemRequest], test: Sequence[ItemRequest], changes: Changes | None
) -> _Lab:
    requests = (*learning, *test)
    inputs = [request.input for request in requests]
    reader = Reader(Columns(predictor), len(predictor.classes))
    changed: tuple[FloatArray, ...] | None = None
    outputs: tuple[IntArray, ...] = ()
    if changes is not None:
        rows = (*changes.learning, *changes.test)
        changed = tuple(reader.columns.of(row) for row in rows)
        outputs = tuple(np.array(own_classes(predictor, row), dtype=np.int64) for row in rows)
    return _Lab(
        predictor=predictor,
        reader=reader,
        requests=requests,
        n_learning=len(learning),
        classes=np.array(own_classes(predictor, inputs), dtype=np.int64),
        columns=reader.columns.of(inputs),
        changed=changed,
        outputs=outputs,
        counted=tuple(reader.counted(item) for item in inputs),
    )


def _draw(lab: _Lab, n_shown: int, rng: np.random.Generator) -> IntArray:
    """Places of learning items that can be asked about, the outputs in turn as long as there are items of each."""
    kinds = lab.kinds
    order = [place for place in rng.permutation(lab.n_learning).tolist() if len(kinds[place])]
    if len(order) < n_shown:
        raise InputError(f"learning: {len(order)} items can be learned from, a learner sees {n_shown}; give more items")
    turns: dict[int, int] = {}
    ranked = []
    for place in order:
        own = int(lab.classes[place])
        turns[own] = turns.get(own, 0) + 1
        ranked.append((turns[own], place))
    return np.array([place for _, place in sorted(ranked, key=lambda pair: pair[0])[:n_shown]], dtype=np.int64)


# --- one arm -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Taught:
    """The learners of an arm: shares right, and whether each came to use the explanation."""

    shares: FloatArray
    uses: FloatArray


def _of_arm(lab: _Lab, arm: Arm, draws: Sequence[IntArray], control: _Taught, level: float) -> Learned:
    explained = _explanations(lab, arm)
    reason = _refusal(explained[0].form) if lab.changed is not None else ""
    if reason:
        none = Mean(None, None, None)
        return Learned(arm.spec, none, none, none, None, (), reason)
    places = range(len(explained))
    seen = tuple(
        lab.reader.of(lab.requests[place].input, explained[place].form, explained[place].explained_class)
        for place in places
    )
    found = _taught(lab, lab.questions(seen), _readings(seen, lab.changed is not None), draws)
    return _summary(lab, arm, found, control, level, unused(explained[0].form))


def _explanations(lab: _Lab, arm: Arm) -> Sequence[Explanation]:
    """Of the learning items, and of the test items where they are shown there."""
    needed = lab.requests[: None if lab.changed is not None else lab.n_learning]
    if arm.explanations is None:
        return explain(lab.predictor, arm.spec, needed)
    if len(arm.explanations) != len(needed):
        raise InputError(f"arm.explanations: {len(arm.explanations)} came, {len(needed)} items need as many")
    return arm.explanations


def _refusal(form: Form) -> str:
    forms = [part.form.form for part in form.parts] if isinstance(form, Composite) else [form.form]
    shown = next((_TELLS_CHANGES[name] for name in forms if name in _TELLS_CHANGES), "")
    return f"The explanation shows {shown}, so no study may show it in a counterfactual test." if shown else ""


def _readings(seen: Sequence[Seen], at_test: bool) -> tuple[Reading, ...]:
    """What a learner of these explanations may go by: all that the control arm's may, and what they add to it."""
    states = any(one.statements or (at_test and one.leaning is not None) for one in seen)
    shows = not at_test and any(one.shown for one in seen)
    return (
        OF_CONTROL
        + (OF_STATEMENTS if states else ())
        + (OF_SHOWN if shows else ())
        + (OF_BOTH if states and shows else ())
    )


def _taught(
    lab: _Lab, questions: Forward | Counterfactual, readings: Sequence[Reading], draws: Sequence[IntArray]
) -> _Taught:
    test = np.arange(lab.n_learning, len(lab.requests))
    kinds = np.concatenate([questions.kinds[place] for place in test])
    if not len(kinds):
        raise InputError("changes: none came for the test items; give other items, or more of them")
    shares, uses = [], []
    for learned in draws:
        reading, ridge = choose(questions, learned, readings)
        asked = questions.rows(learned, test, reading, asked=True)
        train = questions.rows(learned, learned, reading, asked=False)
        hits = right(answers(train, asked, reading, [ridge])[0], asked.targets)
        shares.append(np.mean([hits[kinds == kind].mean() for kind in np.unique(kinds)]))
        uses.append(reading.uses_explanation)
    return _Taught(np.array(shares), np.array(uses, dtype=np.float64))


def _summary(
    lab: _Lab, arm: Arm | None, found: _Taught, control: _Taught, level: float, left: tuple[str, ...] = ()
) -> Learned:
    return Learned(
        explainer=arm.spec if arm else None,
        after=_mean(found.shares, level),
        gain=_mean(found.shares - lab.before, level),
        beyond_control=_mean(found.shares - control.shares, level) if arm else None,
        uses=round(float(found.uses.mean()), _DECIMALS) if arm else None,
        unused=left,
    )


def _mean(values: FloatArray, level: float) -> Mean:
    mean = float(values.mean())
    if len(values) < 2:
        return Mean(round(mean, _DECIMALS), None, None)
    half = float(stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Mean(*(round(bound, _DECIMALS) for bound in (mean, mean - half, mean + half)))
