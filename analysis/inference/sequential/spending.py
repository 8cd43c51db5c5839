"""How much of an error rate may be spent by the time a share of the information is in."""

from dataclasses import dataclass
from math import expm1, sqrt
from typing import Final, Protocol

from scipy import special

from analysis.errors import InputError


class Spending(Protocol):
    """A spending function: nothing at time 0, everything from time 1 on, never less later than before."""

    @property
    def title(self) -> str:
        """As readers see it."""
        ...

    @property
    def reference(self) -> str:
        """Where it was proposed."""
        ...

    def spent(self, time: float, alpha: float) -> float:
        """Return the part of `alpha` spent at information time `time`, 0 or above; one-sided."""
        ...


@dataclass(frozen=True)
class OBrienFlemingType:
    """Close to O'Brien and Fleming's bounds: hardly anything early, nearly the fixed test at the end."""

    title: str = "O'Brien–Fleming type"
    reference: str = "Lan & DeMets 1983, Biometrika 70"

    def spent(self, time: float, alpha: float) -> float:
        if time <= 0:
            return 0.0
        return float(2 * special.ndtr(special.ndtri(alpha / 2) / sqrt(min(time, 1.0))))


@dataclass(frozen=True)
class PocockType:
    """Close to Pocock's bounds: nearly the same bound at every look."""

    title: str = "Pocock type"
    reference: str = "Lan & DeMets 1983, Biometrika 70"

    def spent(self, time: float, alpha: float) -> float:
        # log1p((e - 1) t): expm1(1) is e - 1.
        return alpha * float(special.log1p(expm1(1.0) * min(max(time, 0.0), 1.0)))


@dataclass(frozen=True)
class HwangShihDeCani:
    """One number for how early: -4 is near O'Brien–Fleming, 0 spends evenly, 1 is near Pocock."""

    gamma: float = -4.0
    reference: str = "Hwang, Shih & De Cani 1990, Statistics in Medicine 9"

    @property
    def title(self) -> str:
        return f"Hwang–Shih–De Cani, γ = {self.gamma:g}"

    def spent(self, time: float, alpha: float) -> float:
        time = min(max(time, 0.0), 1.0)
        if self.gamma == 0:
            return alpha * time
        return alpha * expm1(-self.gamma * time) / expm1(-self.gamma)


SPENDING: Final = ("obrien_fleming", "pocock", "hwang_shih_decani")


def spending_named(name: str, gamma: float = -4.0) -> Spending:
    """Return the spending function that a plan names.

    Parameters
    ----------
    name : {"obrien_fleming", "pocock", "hwang_shih_decani"}
    gamma : float
        Of the Hwang–Shih–De Cani family; the others have none.

    Raises
    ------
    InputError
        For another name, or a gamma beyond -40 to 40, where all is spent at one end.
    """
    if name not in SPENDING:
        raise InputError("spending", [f"expected one of {', '.join(SPENDING)}, found {name!r}"])
    if not abs(gamma) <= 40:
        raise InputError("spending", [f"gamma: expected a number from -40 to 40, found {gamma}"])
    if name == "hwang_shih_decani":
        return HwangShihDeCani(gamma)
    return OBrienFlemingType() if name == "obrien_fleming" else PocockType()
