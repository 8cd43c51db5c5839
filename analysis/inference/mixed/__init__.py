"""Mixed models with crossed participants and items."""

from analysis.inference.mixed.constrained import ConstrainedFit, MarginalGain, fit_constrained
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.fit import BinomialModel, Certificate, MixedFit, fit_binomial
from analysis.inference.mixed.heterogeneity import ItemHeterogeneity, item_heterogeneity
from analysis.inference.mixed.linear import FTest, LinearFit, fit_linear
from analysis.inference.mixed.lognormal import ResponseTimeFit, fit_response_time
from analysis.inference.mixed.marginal import MarginalCells, marginal_cells
from analysis.inference.mixed.nested import ModelTest
from analysis.inference.mixed.ordinal import OrdinalFit, fit_ordinal

__all__ = [
    "BinomialModel",
    "Certificate",
    "ConstrainedFit",
    "Effect",
    "FTest",
    "ItemHeterogeneity",
    "LinearFit",
    "MarginalCells",
    "MarginalGain",
    "MixedFit",
    "ModelTest",
    "OrdinalFit",
    "ResponseTimeFit",
    "fit_binomial",
    "fit_constrained",
    "fit_linear",
    "fit_ordinal",
    "fit_response_time",
    "item_heterogeneity",
    "marginal_cells",
]
