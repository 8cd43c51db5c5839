"""Binomial mixed models with crossed participants and items."""

from analysis.inference.mixed.fit import Certificate, MixedFit, fit_binomial

__all__ = ["Certificate", "MixedFit", "fit_binomial"]
