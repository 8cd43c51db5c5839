"""Looking at a study before its end: planned looks with bounds, and evidence that may be looked at whenever."""

from analysis.inference.sequential.blocks import BlockSteps, block_steps, pair_steps
from analysis.inference.sequential.bounds import Bounds, classic_bounds, spending_bounds
from analysis.inference.sequential.confidence_sequence import (
    ConfidenceSequence,
    SequencePoint,
    confidence_sequence,
    mixture_radius,
    tuned_for,
)
from analysis.inference.sequential.e_values import (
    EValue,
    beta_mixture,
    difference_e_value,
    share_e_value,
    sign_e_value,
)
from analysis.inference.sequential.futility import FutilityDesign, futility_design
from analysis.inference.sequential.looks import Decision, Look, LookPlan, bounds_at, decide
from analysis.inference.sequential.power import ConditionalPower, Stopping, conditional_power, stopping
from analysis.inference.sequential.spending import SPENDING, Spending, spending_named
from analysis.inference.sequential.stopped import StoppedEstimate, estimate_after_stopping, repeated_interval

__all__ = [
    "SPENDING",
    "BlockSteps",
    "Bounds",
    "ConditionalPower",
    "ConfidenceSequence",
    "Decision",
    "EValue",
    "FutilityDesign",
    "Look",
    "LookPlan",
    "SequencePoint",
    "Spending",
    "StoppedEstimate",
    "Stopping",
    "beta_mixture",
    "block_steps",
    "bounds_at",
    "classic_bounds",
    "conditional_power",
    "confidence_sequence",
    "decide",
    "difference_e_value",
    "estimate_after_stopping",
    "futility_design",
    "mixture_radius",
    "pair_steps",
    "repeated_interval",
    "share_e_value",
    "sign_e_value",
    "spending_bounds",
    "spending_named",
    "stopping",
    "tuned_for",
]
