"""Everything that is tried, in the order of the table."""

from bench.calibration.as_planned import AS_PLANNED
from bench.calibration.checks import Group
from bench.calibration.futility import FUTILITY
from bench.calibration.imputed import IMPUTED
from bench.calibration.mechanisms import MECHANISMS
from bench.calibration.others import OTHERS
from bench.calibration.raters import RATERS
from bench.calibration.repeated import REPEATED
from bench.calibration.sequences import SEQUENCES
from bench.calibration.several_arms import SEVERAL_ARMS
from bench.calibration.stopped import STOPPED
from bench.calibration.two_arms import TWO_ARMS

_SEQUENTIAL = (*SEQUENCES, *STOPPED, *REPEATED, *FUTILITY)
_ALL = (*TWO_ARMS, *SEVERAL_ARMS, *MECHANISMS, *_SEQUENTIAL, *OTHERS, *IMPUTED, *AS_PLANNED, *RATERS)
GROUPS: dict[str, Group] = {group.key: group for group in _ALL}
