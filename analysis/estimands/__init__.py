"""What a study may ask: one file and one entry each, in the order people see them."""

from typing import Final

from analysis.estimands.base import Estimand
from analysis.estimands.gain_in_accuracy import GAIN_IN_ACCURACY

ESTIMANDS: Final[dict[str, Estimand]] = {
    "gain_in_accuracy": GAIN_IN_ACCURACY,
}
