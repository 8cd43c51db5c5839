"""Power by simulation of the planned analysis."""

from analysis.power.plan import PowerPlan, Scenario
from analysis.power.run import Power, minimal_detectable_effect, power

__all__ = ["Power", "PowerPlan", "Scenario", "minimal_detectable_effect", "power"]
