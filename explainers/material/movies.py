"""Movie-review sentences with human ratings: does the writer like the film?

Sentences from Pang & Lee's Rotten Tomatoes snippets, rated by people from -4 to 4 (Hutto & Gilbert 2014). The label is
the sign of the mean rating; sentences that people disagree about (|mean| below 0.5) and those too short or too
long to show are left out.
"""

from __future__ import annotations

from explainers.errors import MaterialError
from explainers.material.base import Labelled, Material
from explainers.material.fetch import Source, read_source
from explainers.types import TextInput

SOURCE = Source(
    package="vaderSentiment",
    version="3.2.1",
    file_name="vaderSentiment-3.2.1.tar.gz",
    archive_sha256="5dce530a78315563f8b3cd01033bbdd3bf4985fabf359ca68d4167728081c803",
    members=(
        "vaderSentiment-3.2.1/additional_resources/hutto_ICWSM_2014.tar.gz",
        "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    ),
    sha256="c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350",
    size_limit=8_000_000,
)
CLEAR_RATING = 0.5
MIN_TOKENS, MAX_TOKENS = 5, 40


def read_movies() -> tuple[Labelled, ...]:
    """Every clearly rated sentence of 5 to 40 tokens, once."""
    return parse(read_source(SOURCE).decode("utf-8", errors="replace"))


def parse(table: str) -> tuple[Labelled, ...]:
    """Read lines of `id, mean rating, sentence`, separated by tabs.

    Raises
    ------
    MaterialError
        When a line has another shape.
    """
    items: dict[tuple[str, ...], Labelled] = {}
    for number, line in enumerate(table.splitlines(), start=1):
        try:
            _, rating_text, sentence = line.split("\t")
            rating = float(rating_text)
        except ValueError as error:
            raise MaterialError(f"line {number}: `id, rating, sentence` was expected, {line[:60]!r} came") from error
        tokens = tokens_of(sentence)
        if abs(rating) >= CLEAR_RATING and MIN_TOKENS <= len(tokens) <= MAX_TOKENS:
            items.setdefault(tokens, Labelled(TextInput(tokens), int(rating > 0)))
    return tuple(items.values())


def tokens_of(sentence: str) -> tuple[str, ...]:
    """Words with the punctuation that touches them, so that joined by blanks they read as the sentence."""
    return tuple(sentence.replace("''", '"').split())


MOVIES = Material(
    name="movies",
    title="Movie reviews",
    modality="text",
    classes=("Negative", "Positive"),
    question="Is this sentence from a movie review negative or positive?",
    source="Pang & Lee (2005) sentences rated by people in Hutto & Gilbert (2014), VADER",
    licence="MIT (package); sentences for research, cite Pang & Lee (2005)",
    sha256=SOURCE.sha256,
    read=read_movies,
    shares=(0.7, 0.07),
)
