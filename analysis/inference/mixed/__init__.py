"""Mixed models with crossed participants and items."""

from analysis.inference.mixed.fit import Certificate, MixedFit, fit_binomial
from analysis.inference.mixed.marginal import MarginalCells, marginal_cells

__all__ = ["Certificate", "MarginalCells", "MixedFit", "fit_binomial", "marginal_cells"]
