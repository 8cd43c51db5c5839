"""Everything that is tried, in the order of the table."""

from bench.calibration.checks import Group
from bench.calibration.mechanisms import MECHANISMS
from bench.calibration.others import OTHERS
from bench.calibration.raters import RATERS
from bench.calibration.sequences import SEQUENCES
from bench.calibration.several_arms import SEVERAL_ARMS
from bench.calibration.stopped import STOPPED
from bench.calibration.two_arms import TWO_ARMS

_ALL = (*TWO_ARMS, *SEVERAL_ARMS, *MECHANISMS, *SEQUENCES, *STOPPED, *OTHERS, *RATERS)
GROUPS: dict[str, Group] = {group.key: group for group in _ALL}
