"""Designs to start from: the protocol of Hase & Bansal (2020) on each data set that ships with Foretell.

A template makes a complete document that freezes as it is; the form then changes what the researcher wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Document = dict[str, object]


@dataclass(frozen=True)
class Words:
    """How a data set is spoken of to participants."""

    title: str
    thing: str  # what an item is: "a person from a census"
    task: str  # what the model does with it
    question: str
    answers: tuple[str, str]


WORDS: Mapping[str, Words] = {
    "adult": Words(
        title="Who earns more than $50,000?",
        thing="a person from a census in the United States in 1994",
        task="guesses from a few facts whether a person earns more than $50,000 a year",
        question="What will the model answer for this person?",
        answers=("More than $50,000", "$50,000 or less"),
    ),
    "movies": Words(
        title="Does the review praise the film?",
        thing="a sentence from a film review",
        task="guesses whether the sentence is positive or negative",
        question="What will the model answer for this sentence?",
        answers=("Positive", "Negative"),
    ),
    "digits": Words(
        title="Which digit is it?",
        thing="a picture of a handwritten digit",
        task="guesses which of two digits was written",
        question="What will the model answer for this picture?",
        answers=("the first digit", "the second digit"),
    ),
}


# What hardly anybody does who looks at the inputs; the researcher adds what fits their panel.
RULES: tuple[Document, ...] = (
    {"rule": "fast_trials", "params": {"ms": 300, "share": 0.1}},
    {"rule": "flat_times", "params": {"cv": 0.1}},
    {"rule": "clock_mismatch", "params": {"ms": 250, "share": 0.1}},
    {"rule": "straight_line", "params": {"share": 0.75}},
    {"rule": "shared_browser", "params": {}},
)


@dataclass(frozen=True)
class StudyTemplate:
    """A start for a study: `make(dataset)` gives a whole design document."""

    title: str
    summary: str
    make: Callable[[str], Document]


# People are to be tested on what the method says, not on the noise of its samples.
STEADY: Document = {"steady_r": 0.95}


def arms_for(dataset: str) -> list[Document]:
    """No explanation, a placebo, LIME of the plain predictor, and the self-explaining network's own explanation."""
    plain = {"adult": "adult-mlp", "movies": "movies-gru", "digits": "digits-cnn"}[dataset]
    lime: Document = {"name": "lime", "params": {**STEADY}}
    return [
        {"key": "none", "title": "No explanation", "role": "control", "predictor": plain},
        {
            "key": "placebo",
            "title": "Placebo",
            "role": "placebo",
            "predictor": plain,
            "explainer": {"name": "placebo_random_weights", "params": {"method": "lime", **STEADY}},
        },
        {"key": "lime", "title": "LIME", "role": "explained", "predictor": plain, "explainer": lime},
        {
            "key": "senn",
            "title": "SENN",
            "role": "explained",
            "predictor": f"{dataset}-senn",
            "explainer": {"name": "senn", "params": {}},
        },
    ]


def forward_simulation(dataset: str) -> Document:
    """PRE, learning, POST; each item set balanced over label x output; POST asks the items of PRE."""
    words = WORDS[dataset]
    return {
        **_common(dataset, words.title),
        "item_sets": [{"key": "learning", "n_items": 8}, {"key": "test", "n_items": 16}],
        "phases": [
            _phase("pre", "test", "Your first guesses", _pre_intro(words, 16), "forward_simulation", "test"),
            _phase(
                "learning",
                "learning",
                "Learn how the model answers",
                _learning_intro(words),
                "worked_example",
                "learning",
                explanation=True,
            ),
            _phase("post", "test", "Your guesses now", _post_intro(words, 16), "forward_simulation", "test"),
        ],
    }


def forward_simulation_two_passes(dataset: str) -> Document:
    """As Hase & Bansal ran it: 16 examples without explanations, PRE of 32, the examples again, POST of 32."""
    words = WORDS[dataset]
    return {
        **_common(dataset, words.title),
        "minutes": 25,
        "item_sets": [{"key": "learning", "n_items": 16}, {"key": "test", "n_items": 32}],
        "phases": [
            _phase(
                "examples",
                "learning",
                "See how the model answers",
                _learning_intro(words),
                "worked_example",
                "learning",
            ),
            _phase("pre", "test", "Your first guesses", _pre_intro(words, 32), "forward_simulation", "test"),
            _phase(
                "learning",
                "learning",
                "See the examples again",
                _learning_intro(words),
                "worked_example",
                "learning",
                explanation=True,
            ),
            _phase("post", "test", "Your guesses now", _post_intro(words, 32), "forward_simulation", "test"),
        ],
    }


def counterfactual_simulation(dataset: str) -> Document:
    """The model's output is given, the input changes: what now? POST shows the explanation of the original input."""
    words = WORDS[dataset]
    intro = (
        f"You will see {words.thing}, what the model answered, and a small change. "
        "Say what the model answers after the change. Sometimes the change matters to the model, sometimes not."
    )
    return {
        **_common(dataset, words.title),
        "minutes": 15,
        "item_sets": [{"key": "changed", "n_items": 16, "perturbed": True}],
        "phases": [
            _phase("pre", "test", "Your first guesses", intro, "counterfactual_simulation", "changed"),
            _phase(
                "post",
                "test",
                "Your guesses now",
                f"{intro}\n\nYou will see the same questions again. They may now come with more information.",
                "counterfactual_simulation",
                "changed",
                explanation=True,
            ),
        ],
    }


TEMPLATES: Mapping[str, StudyTemplate] = {
    "forward": StudyTemplate(
        "Forward simulation",
        "People foretell the model's output on new inputs, before and after learning with or without explanations.",
        forward_simulation,
    ),
    "forward_two_passes": StudyTemplate(
        "Forward simulation, two learning passes (Hase & Bansal 2020)",
        "As published: examples, PRE, the same examples with the arm's explanation, POST.",
        forward_simulation_two_passes,
    ),
    "counterfactual": StudyTemplate(
        "Counterfactual simulation (Hase & Bansal 2020)",
        "People foretell what the model does when the input changes, without and then with explanations.",
        counterfactual_simulation,
    ),
}


def _phase(
    key: str, kind: str, title: str, intro: str, task: str, item_set: str, *, explanation: bool = False
) -> Document:
    block = {"key": key, "task": task, "item_set": item_set, "explanation": explanation}
    return {"key": key, "kind": kind, "title": title, "intro": intro, "blocks": [block]}


def _pre_intro(words: Words, n: int) -> str:
    return (
        f"You will see {words.thing}, {n} times. Each time, say what you think the model will answer. "
        "You have not seen the model at work yet, so go with your best guess."
    )


def _learning_intro(words: Words) -> str:
    return (
        f"Now watch the model. You will see {words.thing}, the true answer, and what the model answered. "
        "Look for what the model goes by: afterwards you will foretell its answers. The model is sometimes wrong."
    )


def _post_intro(words: Words, n: int) -> str:
    return f"Say again what the model will answer, {n} times. Use what you have learned about the model."


def _common(dataset: str, title: str) -> Document:
    words = WORDS[dataset]
    return {
        "title": title,
        "minutes": 10,
        "dataset": dataset,
        "arms": arms_for(dataset),
        "allocation": {"block_multiples": [1, 2], "capacity": 200},
        "texts": {
            "consent": _consent(words),
            "instructions": _instructions(words),
            "question": words.question,
            "debrief": (
                "Thank you. You took part in a randomized study of explanations of machine-learning models. "
                "People were shown different kinds of information about the model, or none, by lot. "
                "We compare how well they foretell its answers."
            ),
            "contact": "the research team, at the address on the page that invited you",
        },
        "comprehension": {"questions": _questions(words), "attempts": 2},
        "ratings": [
            {
                "key": "understanding",
                "question": "How well do you understand how the model answers?",
                "low": "Not at all",
                "high": "Completely",
            },
            {
                "key": "effort",
                "question": "How hard was it to foretell the model's answers?",
                "low": "Very easy",
                "high": "Very hard",
            },
        ],
        "completion": {"code": "FORETELL", "redirect": ""},
        "quality": {"rules": list(RULES)},
        "plan": {"control": "none", "smallest_effect": 0.1},
    }


def _consent(words: Words) -> str:
    return (
        "We study how well people can foretell what a computer model answers.\n\n"
        f"The model {words.task}. You will guess its answers, see it at work, and guess again.\n\n"
        "We keep your answers, the time each took, how often this page lost the focus or something was pasted into it "
        "(not what), and whether this browser or your panel's id was here before. We keep no name and no internet "
        "address. An id that a panel gives us is kept apart, encrypted, until you are paid.\n\n"
        "Taking part is voluntary. You can stop at any time with the link at the top of each page; your answers "
        "are then left out."
    )


def _instructions(words: Words) -> str:
    return (
        f"A computer model {words.task}. Each time it sees {words.thing}.\n\n"
        "Your task is not to say what is true. Your task is to foretell what the model will answer, right or wrong.\n\n"
        "The model makes mistakes. When you think it will be wrong, choose the wrong answer that it will give."
    )


def _questions(words: Words) -> list[Document]:
    return [
        {
            "question": "What are you asked to say?",
            "options": ["What is true", "What the model will answer", "What most people think"],
            "answer": 1,
        },
        {
            "question": (
                f"You are sure that the right answer is “{words.answers[0]}”, "
                f"but that the model will say “{words.answers[1]}”. What do you choose?"
            ),
            "options": [words.answers[0], words.answers[1]],
            "answer": 1,
        },
    ]
