"""Mixed models by formula, in the notation of lme4: a file and a line of text in, a fitted model out."""

from analysis.formula.fitting import fit
from analysis.formula.grammar import Formula, read_formula
from analysis.formula.results import Coefficient, ModelFit, RandomPart

__all__ = ["Coefficient", "Formula", "ModelFit", "RandomPart", "fit", "read_formula"]
