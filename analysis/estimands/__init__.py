"""What a study may ask: one file and one entry each, in the order people see them."""

from typing import Final

from analysis.estimands.accuracy import ACCURACY
from analysis.estimands.base import Estimand
from analysis.estimands.change_in_criterion import CHANGE_IN_CRITERION
from analysis.estimands.change_in_response_time import CHANGE_IN_RESPONSE_TIME
from analysis.estimands.criterion import CRITERION
from analysis.estimands.d_prime import D_PRIME
from analysis.estimands.gain_in_accuracy import GAIN_IN_ACCURACY
from analysis.estimands.gain_in_d_prime import GAIN_IN_D_PRIME
from analysis.estimands.rating import RATING
from analysis.estimands.response_time import RESPONSE_TIME
from analysis.estimands.score import SCORE
from analysis.estimands.utility import UTILITY

ESTIMANDS: Final[dict[str, Estimand]] = {
    "gain_in_accuracy": GAIN_IN_ACCURACY,
    "accuracy": ACCURACY,
    "utility": UTILITY,
    "gain_in_d_prime": GAIN_IN_D_PRIME,
    "d_prime": D_PRIME,
    "change_in_criterion": CHANGE_IN_CRITERION,
    "criterion": CRITERION,
    "change_in_response_time": CHANGE_IN_RESPONSE_TIME,
    "response_time": RESPONSE_TIME,
    "rating": RATING,
    "score": SCORE,
}
