"""Errors of studyapp. A message says what was expected, what came and what to do; front doors turn them into pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class StudyError(Exception):
    """Base of everything studyapp raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing to mend in a design, at the path of its field ("arms[1].explainer.params.n_samples")."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class DesignRefused(StudyError):
    """A design that cannot be frozen; carries every problem, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class WrongState(StudyError):
    """The study, enrolment or job is not in the state that the step needs."""


class NotEligible(StudyError):
    """Somebody who may not take part: the link is spent, the study full, closed or not yet open."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class ConsentChanged(StudyError):
    """Agreement to another version of the consent text than the one in force; it has to be read first."""


class TrialNotOpen(StudyError):
    """An answer to a screen at which the enrolment is not."""


class AnswerInvalid(StudyError):
    """An answer outside the choices of its screen; the person is asked again."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class KeyReused(StudyError):
    """An idempotency key that came before with another body."""


class MaterialMissing(StudyError):
    """Items, outputs or explanations that a design needs and the database does not hold."""


class TooManyGuesses(StudyError):
    """A password, a code or a token was guessed too often in a short time; nothing was tried."""
