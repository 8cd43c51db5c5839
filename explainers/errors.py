"""Errors of this package: each message says what was expected, what came and what to do."""

from collections.abc import Sequence


class ExplainerError(Exception):
    """Base of everything `explainers` raises on purpose."""


class UnknownName(ExplainerError):
    """A name that no registry holds."""


class ParameterError(ExplainerError):
    """A parameter that is unknown, of the wrong type, or outside its bounds."""


class MaterialError(ExplainerError):
    """A data set that could not be fetched, or whose content is not what its hash promises."""


class ArtifactError(ExplainerError):
    """Saved weights or a model card that are missing, damaged or of another architecture."""


class InputError(ExplainerError):
    """An input that does not fit the predictor's modality, vocabulary or shape."""


class Stopped(ExplainerError):
    """Nobody waits for the explanations any more; raised where the caller's `goes_on` says so."""


class ImportRefused(ExplainerError):
    """A file of explanations that cannot be taken in; carries the problems, each with its line and field."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
