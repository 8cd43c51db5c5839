"""A study's design: one text that validates, explains its errors by path, and is the published JSON Schema.

Frozen pydantic models. What needs only the design itself is checked here or in `checks`; what needs the material
(are there enough items in each cell?) in `sampling`.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from studyapp.design.canonical import sha256_of
from studyapp.errors import DesignRefused, Problem

MAX_VALUES = 20_000  # the largest design that the limits below allow has a tenth of that
MAX_PROBLEMS = 50  # more than anybody reads at once
MAX_PART_OF_PATH = 60
# Control characters but tab and line ends, halves of characters, and what is no character at all.
UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def readable(text: str) -> str:
    """The text, if people and databases can read every character of it."""
    found = UNREADABLE.search(text)
    if found:
        raise ValueError(f"character {found.start() + 1} (U+{ord(found.group()):04X}) cannot be shown; delete it")
    return text


Readable: TypeAlias = Annotated[str, AfterValidator(readable)]
Key: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
PublicId: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
Line: TypeAlias = Annotated[Readable, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Text: TypeAlias = Annotated[Readable, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class Part(BaseModel):
    """Base of every part of a design: immutable, and a key that nobody knows is an error, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class ExplainerChoice(Part):
    """A method by its registry name; parameters left out take the registry's defaults."""

    name: Key
    params: dict[Key, int | float | str] = Field(default_factory=dict)

    @field_validator("params")
    @classmethod
    def _readable(cls, params: dict[str, int | float | str]) -> dict[str, int | float | str]:
        for value in params.values():
            readable(str(value))
        return params


class Arm(Part):
    """What one group of participants gets: a predictor and an explainer (or none, or a placebo)."""

    key: Key
    title: Line
    role: Literal["control", "placebo", "explained"]
    predictor: Key
    explainer: ExplainerChoice | None = None
    weight: Annotated[int, Field(ge=1, le=10)] = 1


class ItemSet(Part):
    """Items drawn together, balanced over the cells label x output; sets never share an item."""

    key: Key
    n_items: Annotated[int, Field(ge=1, le=400)]
    perturbed: bool = Field(False, description="each item comes with a perturbation, half of which flip the output")


class Block(Part):
    """Trials of one task type over one item set."""

    key: Key
    task: Key
    item_set: Key
    explanation: bool = Field(False, description="arms with an explainer show it in this block")
    order: Literal["shuffled", "fixed"] = "shuffled"


class Phase(Part):
    """Blocks that belong together; `intro` is a page of its own before them."""

    key: Key
    title: Line
    kind: Literal["learning", "test"]
    intro: Text
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=20)]


class StratumFactor(Part):
    """A question asked before allocation, whose answers are balanced separately."""

    key: Key
    question: Line
    options: Annotated[tuple[Line, ...], Field(min_length=2, max_length=8)]


class Allocation(Part):
    """How people are allocated to arms; `capacity` is the number allocated in the main stage."""

    method: Literal["permuted_blocks"] = "permuted_blocks"
    block_multiples: Annotated[tuple[Annotated[int, Field(ge=1, le=8)], ...], Field(min_length=1, max_length=8)] = (
        1,
        2,
    )
    strata: Annotated[tuple[StratumFactor, ...], Field(max_length=3)] = ()
    capacity: Annotated[int, Field(ge=2, le=100_000)] = 200


class ComprehensionQuestion(Part):
    """A question on the instructions; the same in all arms."""

    question: Line
    options: Annotated[tuple[Line, ...], Field(min_length=2, max_length=6)]
    answer: Annotated[int, Field(ge=0, description="index of the right option, from 0")]


class Comprehension(Part):
    """Asked before allocation; who fails every attempt is thanked and not allocated."""

    questions: Annotated[tuple[ComprehensionQuestion, ...], Field(max_length=10)] = ()
    attempts: Annotated[int, Field(ge=2, le=5)] = 2


class Rating(Part):
    """A scale at the end, from 1 to `points`; reported, never used to rank arms."""

    key: Key
    question: Line
    low: Line
    high: Line
    points: Annotated[int, Field(ge=3, le=11)] = 7


class Texts(Part):
    """What participants read."""

    consent: Text
    instructions: Text
    question: Line = Field(description="the question of every simulation trial, as its heading")
    debrief: Text
    contact: Line


class Rights(Part):
    """What participants are told of their rights, and the days after which data go by themselves.

    Days count from the close of the study, but for `until_days`, which count from a person's own last screen.
    """

    approval: Annotated[str, StringConstraints(max_length=100)] = Field(
        default="", description="the ethics board's number, shown with the consent"
    )
    withdrawal: Literal["exclude", "erase"] = Field(
        default="exclude",
        description="what withdrawing does: the answers are left out of every analysis, or erased at once",
    )
    until_days: Annotated[int, Field(ge=0, le=3650, description="how long after the end people can withdraw")] = 30
    panel_ids_days: Annotated[int, Field(ge=1, le=365, description="then panel ids go, paid or not")] = 30
    trail_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None, description="then the declared trail beside the answers goes; null: with the answers"
    )
    data_days: Annotated[int, Field(ge=30, le=36_500)] | None = Field(
        default=3650, description="then every person's data are erased; null: never"
    )


class Recruiting(Part):
    """Who may not come: people known to the lab from other studies, by their public ids."""

    exclude: Annotated[tuple[PublicId, ...], Field(max_length=50)] = ()


class QualityRule(Part):
    """A rule that flags people, by its registry name. Every parameter is written out: frozen means frozen."""

    rule: Key
    params: dict[Key, int | float] = Field(default_factory=dict)


class Quality(Part):
    """Flags of data quality: never a reason to leave somebody out of the primary analysis, nor to refuse payment."""

    rules: Annotated[tuple[QualityRule, ...], Field(max_length=20)] = ()


class Completion(Part):
    """Where people go when every response is in."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{4,40}$")]
    redirect: Annotated[str, StringConstraints(pattern=r"^(https://[^\s<>\"']{3,500})?$")] = ""


class ResponseTimes(Part):
    """Response times that the analysis leaves out, in ms: those below `low_ms` and those above `high_ms`."""

    low_ms: Annotated[int, Field(ge=0, le=3_600_000)] | None = None
    high_ms: Annotated[int, Field(ge=1, le=3_600_000)] | None = None

    @model_validator(mode="after")
    def _leave_something(self) -> ResponseTimes:
        low, high = self.low_ms or 0, self.high_ms
        if not low and high is None:
            raise ValueError("give low_ms, high_ms or both; without a rule leave response_times out")
        if high is not None and low >= high:
            raise ValueError(f"low_ms ({low}) must be below high_ms ({high})")
        return self


class Looks(Part):
    """Looks before the end, which the platform makes without showing any arm; they share the plan's alpha.

    `times` are shares of the people planned; the last is the end, 1.
    """

    times: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=2, max_length=10)]
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming"

    @model_validator(mode="after")
    def _in_order(self) -> Looks:
        if any(later - earlier < 0.01 for earlier, later in pairwise(self.times)) or self.times[-1] != 1:
            raise ValueError(
                f"give times that grow by 0.01 at least and end with 1, such as [0.5, 1], not {self.times}"
            )
        return self


class Plan(Part):
    """The analysis, written before the data and frozen with the design."""

    estimand: Key = "gain_in_accuracy"
    pre: Key = "pre"
    post: Key = "post"
    control: Key
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    multiplicity: Literal["holm", "hochberg", "westfall_young", "dunnett", "benjamini_hochberg"] = "holm"
    draws: Annotated[int, Field(ge=199, le=100_000)] = 10_000
    bootstrap_draws: Annotated[int, Field(ge=199, le=20_000)] = 2_000
    missing: Literal["no_gain", "no_change", "chance", "available"] = "no_gain"
    smallest_effect: Annotated[float, Field(gt=0, lt=1_000_000, description="in the estimand's unit")] = 0.1
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 1
    stages: Annotated[tuple[Literal["pilot", "main", "top_up"], ...], Field(min_length=1)] = ("main",)
    response_times: ResponseTimes | None = None
    looks: Looks | None = None

    @model_serializer(mode="wrap")
    def _as_always(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Without a part that came later and is not used, so that designs frozen before it keep their hash."""
        document: dict[str, object] = written(self)
        for name in ("response_times", "looks"):
            if document[name] is None:
                del document[name]
        return document


class Design(Part):
    """Everything that a study is. The frozen design is this document, its items and its hash."""

    schema_version: Literal[1] = 1
    title: Line
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = "en"
    minutes: Annotated[int, Field(ge=1, le=240, description="what participants are told it takes")] = 10
    dataset: Key
    seed: Annotated[int, Field(ge=0, lt=2**53, description="draws items, donors and explanations")] = 1
    arms: Annotated[tuple[Arm, ...], Field(min_length=2, max_length=12)]
    item_sets: Annotated[tuple[ItemSet, ...], Field(min_length=1, max_length=12)]
    phases: Annotated[tuple[Phase, ...], Field(min_length=1, max_length=12)]
    allocation: Allocation = Allocation()
    comprehension: Comprehension = Comprehension()
    ratings: Annotated[tuple[Rating, ...], Field(max_length=20)] = ()
    texts: Texts
    rights: Rights = Rights()
    recruiting: Recruiting = Recruiting()
    completion: Completion
    quality: Quality = Quality()
    plan: Plan

    def document(self) -> dict[str, object]:
        """The design as JSON data, every default written out."""
        document: dict[str, object] = self.model_dump(mode="json")
        return document

    def sha256(self) -> str:
        """Hash of the canonical document."""
        return sha256_of(self.document())

    def arm(self, key: str) -> Arm:
        """The arm with this key; KeyError when there is none."""
        for arm in self.arms:
            if arm.key == key:
                return arm
        raise KeyError(key)

    def item_set(self, key: str) -> ItemSet:
        """The item set with this key; KeyError when there is none."""
        for item_set in self.item_sets:
            if item_set.key == key:
                return item_set
        raise KeyError(key)

    def blocks(self) -> tuple[Block, ...]:
        """Every block, in the order participants meet them."""
        return tuple(block for phase in self.phases for block in phase.blocks)

    def predictors(self) -> tuple[str, ...]:
        """The predictors of all arms, each once, in the order of the arms."""
        return tuple(dict.fromkeys(arm.predictor for arm in self.arms))

    def explained_item_sets(self) -> frozenset[str]:
        """Item sets that some block shows with an explanation."""
        return frozenset(block.item_set for block in self.blocks() if block.explanation)


def parse_design(document: object) -> Design:
    """Read a design, raising DesignRefused with the path of every field that is wrong."""
    if _is_endless(document):
        raise DesignRefused([Problem("", f"this holds more than {MAX_VALUES} values; no design is so large")])
    try:
        return Design.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise DesignRefused([Problem(_path(e["loc"]), e["msg"]) for e in found[:MAX_PROBLEMS]]) from error


def _is_endless(document: object) -> bool:
    """Whether there are too many values to look at each: a refusal of every one would take seconds."""
    n, waiting = 0, [document]
    while waiting and n <= MAX_VALUES:
        value = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        n += 1 + len(inner)
        waiting.extend(islice(inner, MAX_VALUES))
    return n > MAX_VALUES


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        # A name that nobody knows comes from the file: it may be endless, or hold what cannot be shown.
        name = str(part)[:MAX_PART_OF_PATH].encode("utf-8", "backslashreplace").decode("utf-8")
        text += f"[{part}]" if isinstance(part, int) else f".{name}" if text else name
    return text
