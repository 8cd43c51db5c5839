"""The report: everything that was computed, with what is needed to compute it again."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy

from analysis.beside import ContrastCurve
from analysis.closed import Closed
from analysis.codec import Json, decode, encode, schema_of
from analysis.describe.answers import Ratings, Share, Times
from analysis.describe.flagged import FlagRate
from analysis.describe.flow import Attrition, Flow, SampleRatio
from analysis.describe.learning import LearningPoint
from analysis.design import Arm, Phase, Plan
from analysis.errors import ReportError
from analysis.estimands.base import Attributes
from analysis.items import ItemVariation
from analysis.looks import SequentialTest
from analysis.losses import Imputed
from analysis.protocol import Protocol
from analysis.reliabilities import Reliabilities
from analysis.types import Estimate, Interval
from analysis.weighed import Weighed

SCHEMA_VERSION: Final = 5
VERSION: Final = "0.1.0"


@dataclass(frozen=True)
class Provenance:
    """What a report was made from, by which versions, and from which seeds every random draw came."""

    analysis: str
    python: str
    numpy: str
    scipy: str
    responses_sha256: str
    design_sha256: str
    seeds: Mapping[str, int]


@dataclass(frozen=True)
class ArmMean:
    """The outcome's mean in one arm, with a t interval over participants."""

    arm: str
    value: float | None
    interval: Interval | None
    n_enrolments: int


@dataclass(frozen=True)
class Report:
    """One analysis of one study.

    Parameters
    ----------
    schema_version : int
        Of this form.
    study_id, title : str
    stages : tuple of str
        Of the people analysed.
    is_simulated : bool
        Whether these people were invented.
    is_imported : bool
        Whether the study was run elsewhere, so that its allocation and plan are what an importer's mapping says.
    arms, phases, plan
        Of the frozen design.
    estimand_title, unit : str
    estimand : Attributes
    estimates : tuple of Estimate
        The primary family in the design's order, then the secondary contrasts.
    unflagged : tuple of Estimate
        The primary contrasts without the people flagged, by the same estimator; empty when nobody was.
    sensitivity : tuple of Estimate
        The primary contrasts with one thing done in another way.
    weighed : tuple of Weighed
        The primary contrasts against the smallest effect of interest, as odds of the data, and with what losses could
        hide.
    losses : tuple of Imputed
        The primary contrasts with the missing outcomes imputed, and how far off these would have to be.
    protocol : tuple of Protocol
        The primary contrasts among those who did as planned, and among compliers; empty where the design does not say
        what is shown.
    closed : tuple of Closed
        Content against mere attention, with each placebo; empty where there is none.
    sequential : tuple of SequentialTest
        The primary contrasts at the planned looks and at the end; empty where no look was planned.
    items : tuple of ItemVariation
        How each primary contrast varies over the items of POST.
    reliabilities : Reliabilities
        Of answers and ratings, by arm.
    others : tuple of Estimate
        The primary contrasts of outcomes that the plan does not ask about, not adjusted.
    utility : tuple of ContrastCurve
        Utility-K of each primary contrast; empty for studies of fewer than three sessions.
    learning : tuple of LearningPoint
        Accuracy as each phase goes on.
    arm_means : tuple of ArmMean
        Of the outcome, after the missing-data rule.
    accuracy, own_label : tuple of Share
    response_times : tuple of Times
    ratings : tuple of Ratings
        Empty when nobody was asked.
    flow : Flow
    attrition : tuple of Attrition
    sample_ratios : tuple of SampleRatio
        At each stage at which people can be lost.
    flag_rates : tuple of FlagRate
        By the design's rules, any of them first; empty where it has none.
    draws : int
        Re-draws of the allocation used.
    deviations : tuple of str
        What was not as planned, and what was missing.
    provenance : Provenance
    """

    schema_version: int
    study_id: str
    title: str
    stages: tuple[str, ...]
    is_simulated: bool
    is_imported: bool
    arms: tuple[Arm, ...]
    phases: tuple[Phase, ...]
    plan: Plan
    estimand_title: str
    unit: str
    estimand: Attributes
    estimates: tuple[Estimate, ...]
    unflagged: tuple[Estimate, ...]
    sensitivity: tuple[Estimate, ...]
    weighed: tuple[Weighed, ...]
    losses: tuple[Imputed, ...]
    protocol: tuple[Protocol, ...]
    closed: tuple[Closed, ...]
    sequential: tuple[SequentialTest, ...]
    items: tuple[ItemVariation, ...]
    reliabilities: Reliabilities
    others: tuple[Estimate, ...]
    utility: tuple[ContrastCurve, ...]
    learning: tuple[LearningPoint, ...]
    arm_means: tuple[ArmMean, ...]
    accuracy: tuple[Share, ...]
    own_label: tuple[Share, ...]
    response_times: tuple[Times, ...]
    ratings: tuple[Ratings, ...]
    flow: Flow
    attrition: tuple[Attrition, ...]
    sample_ratios: tuple[SampleRatio, ...]
    flag_rates: tuple[FlagRate, ...]
    draws: int
    deviations: tuple[str, ...]
    provenance: Provenance

    @property
    def primary(self) -> tuple[Estimate, ...]:
        """The estimates that answer the question."""
        return tuple(estimate for estimate in self.estimates if estimate.family == "primary")

    @property
    def answers(self) -> tuple[Estimate, ...]:
        """The primary estimates as the plan decides on them: with looks, those that allow for the looks."""
        return tuple(self._after_looks(estimate) for estimate in self.primary)

    def _after_looks(self, estimate: Estimate) -> Estimate:
        test = next((one for one in self.sequential if one.contrast == estimate.contrast), None)
        if test is None or test.value is None:
            return estimate
        return replace(estimate, value=test.value, interval=test.interval, p_value=test.p_value, p_adjusted=None)

    @property
    def secondary(self) -> tuple[Estimate, ...]:
        """The estimates beside them."""
        return tuple(estimate for estimate in self.estimates if estimate.family == "secondary")

    def without_flagged(self, estimate: Estimate) -> Estimate | None:
        """The same contrast without the people flagged, or None when nobody was."""
        return next((other for other in self.unflagged if other.contrast == estimate.contrast), None)

    def arm_title(self, key: str) -> str:
        """Return an arm's title."""
        return next(arm.title for arm in self.arms if arm.key == key)

    def phase_title(self, key: str) -> str:
        """Return a phase's title."""
        return next(phase.title for phase in self.phases if phase.key == key)

    def share(self, arm: str, phase: str, model_is_right: bool | None = None) -> Share | None:
        """Return the accuracy of one arm and phase, or None when that phase has no scored trial."""
        key = (arm, phase, model_is_right)
        return next((cell for cell in self.accuracy if (cell.arm, cell.phase, cell.model_is_right) == key), None)

    def to_json(self) -> str:
        """Return the report as JSON with every digit, the same text for the same inputs."""
        return json.dumps(encode(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def provenance(responses_sha256: str, design_sha256: str, seeds: Mapping[str, int]) -> Provenance:
    """Name the inputs, the versions in use and the seeds."""
    return Provenance(
        VERSION, platform.python_version(), np.__version__, scipy.__version__, responses_sha256, design_sha256, seeds
    )


def report_schema() -> dict[str, Json]:
    """Return the JSON Schema of report.json, made from the same annotations as its reader."""
    schema = schema_of(Report)
    properties = schema["properties"]
    assert isinstance(properties, dict)
    properties["schema_version"] = {"const": SCHEMA_VERSION}
    return schema


def report_from_json(text: str) -> Report:
    """Read what `Report.to_json` wrote.

    Parameters
    ----------
    text : str

    Returns
    -------
    Report

    Raises
    ------
    ReportError
        When it is not JSON, of another schema version, or a part does not fit.
    """
    try:
        data: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReportError(f"report.json: expected JSON: {error}") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise ReportError(
            f"report.schema_version: expected {SCHEMA_VERSION}, found {version!r}; analyse the table again"
        )
    report = decode(Report, data)
    assert isinstance(report, Report)
    return report
