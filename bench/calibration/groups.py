"""Everything that is tried, in the order of the table."""

from bench.calibration.checks import Group
from bench.calibration.mechanisms import MECHANISMS
from bench.calibration.others import OTHERS
from bench.calibration.sequences import SEQUENCES
from bench.calibration.several_arms import SEVERAL_ARMS
from bench.calibration.two_arms import TWO_ARMS

GROUPS: dict[str, Group] = {group.key: group for group in (*TWO_ARMS, *SEVERAL_ARMS, *MECHANISMS, *SEQUENCES, *OTHERS)}
