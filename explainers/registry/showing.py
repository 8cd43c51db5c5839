"""Methods that mark parts of an item or show something beside it: rules, other items, changes, what a network knows."""

from __future__ import annotations

from collections.abc import Mapping

from explainers.registry.entries import Choice, Entry, Float, Int, Param
from explainers.registry.weighing import WEIGHING

_ANCHORS: Mapping[str, Param] = {
    "precision": Float(
        0.95,
        low=0.5,
        high=0.99,
        help="How often the output must stay the same when everything that is not in the rule changes.",
    ),
    "max_conditions": Int(5, low=1, high=12, help="How many conditions a rule has at most: people read short ones."),
    "beam_size": Int(4, low=1, high=10, help="How many of the best rules of a size are built on: more finds more."),
    "delta": Float(
        0.1, low=0.001, high=0.5, help="The probability that is allowed of taking a rule for more precise than it is."
    ),
    "max_rows": Int(
        20_000,
        low=1000,
        high=200_000,
        help=(
            "About how many changed copies of an item the predictor answers at most to compare rules; the best so far "
            "are looked at closely in any case."
        ),
    ),
}
_NEAREST_EXAMPLES: Mapping[str, Param] = {
    "n_examples": Int(3, low=1, high=6, help="How many of the nearest training items are shown."),
}
_DECISION_BOUNDARY: Mapping[str, Param] = {
    "max_changes": Int(
        5, low=1, high=12, help="How many parts are changed at most; where that is not enough, the page says so."
    ),
    "crossing": Choice(
        "nearest",
        ("nearest", "furthest"),
        help=(
            "Where several last changes lead to another output: whether the one that stays nearest to the boundary is "
            "shown, or the one that goes furthest beyond it. Nearest is the smaller change, furthest the plainer one."
        ),
    ),
    "n_replacements": Int(
        10,
        low=0,
        high=50,
        help=(
            "Texts only: how many other words are tried in the place of each word: those that stand most often beside "
            "its neighbours in the training texts. 0 leaves words out and replaces none."
        ),
    ),
}
_PROTOTYPES: Mapping[str, Param] = {
    "n_prototypes": Int(3, low=1, high=8, help="How many of the prototypes that the item is most like are shown."),
    "shown_as": Choice(
        "decoded",
        ("decoded", "training"),
        help=(
            "Whether a prototype is shown as the predictor itself draws it (decoded), or as the picture among those it "
            "learned from that comes nearest (training): sharper to look at, but not quite the prototype."
        ),
    ),
}
_PROBABILISTIC_PROTOTYPES: Mapping[str, Param] = {
    "n_draws": Int(
        3,
        low=1,
        high=5,
        help="How many pictures show what a prototype may look like, from least to most like the item.",
    ),
}
_FEATURE_CARDS: Mapping[str, Param] = {
    "source": Choice(
        "autoencoder",
        ("autoencoder", "units"),
        help=(
            "What counts as a feature: one that a sparse autoencoder has found in the units of the network's first "
            "layer, or a single unit."
        ),
    ),
    "n_cards": Int(3, low=1, high=6, help="How many features are shown."),
}
_CONCEPT_FORMULAS: Mapping[str, Param] = {
    **_FEATURE_CARDS,
    "formula_length": Int(3, low=1, high=5, help="How many concepts a formula has at most: people read short ones."),
    "formula_beam": Int(
        10, low=1, high=50, help="How many of the best formulas of a length are built on: more finds better ones."
    ),
    "active_share": Float(
        0.005,
        low=0.001,
        high=0.1,
        help="A feature counts as active at this share of the words, those where it is strongest.",
    ),
}
_LATENT_SHIFT: Mapping[str, Param] = {
    "frames_a_side": Int(
        2, low=1, high=3, help="How many pictures stand on each side of the item: 2 make a strip of five."
    ),
    "low": Float(
        0.1,
        low=0.001,
        high=0.9,
        help="Where the strip ends on the side of less: there the output's probability has fallen to this.",
    ),
    "reach": Float(
        1.0,
        low=0.05,
        high=3.0,
        help="How far it goes at most: 1 is as far as the training pictures lie from their mean, about.",
    ),
    "latent_size": Int(
        32,
        low=2,
        high=256,
        help="How many numbers a picture is redrawn from: more draw finer and change less smoothly.",
    ),
    "training_steps": Int(
        500,
        low=20,
        high=20_000,
        help=(
            "How long the network that redraws pictures learns, once for each predictor and worker: more draws "
            "sharper. 500 take about ten seconds for small pictures."
        ),
    ),
}
_SIMILARITY_SALIENCY: Mapping[str, Param] = {"cells": WEIGHING["lime"].params["cells"]}

SHOWING: Mapping[str, Entry] = {
    "anchors": Entry(
        path="explainers.methods.anchors:explain",
        title="Anchors",
        forms={"tabular": "rule", "text": "rule"},
        params=_ANCHORS,
        signed=False,
        rows=64,
        summary=(
            "Searches a short rule: while its conditions hold, the predictor's output nearly always stays the same, "
            "whatever else changes. Says how often it stays and how many of the training items the rule fits."
        ),
        reference="Ribeiro, Singh & Guestrin 2018, Anchors: high-precision model-agnostic explanations, AAAI",
    ),
    "nearest_examples": Entry(
        path="explainers.methods.nearest_examples:explain",
        title="Nearest examples",
        forms={"tabular": "examples", "text": "examples", "image": "examples"},
        params=_NEAREST_EXAMPLES,
        signed=False,
        rows=64,
        summary=(
            "Shows the training items that are most alike to this one in what the predictor has made of them before "
            "its last step, with its output for each. A placebo shows other items with the same outputs."
        ),
        reference="Papernot & McDaniel 2018, Deep k-nearest neighbors, arXiv 1803.04765",
    ),
    "decision_boundary": Entry(
        path="explainers.methods.decision_boundary:explain",
        title="Decision-boundary example",
        forms={"tabular": "strip", "text": "strip"},
        params=_DECISION_BOUNDARY,
        rows=64,
        summary=(
            "Changes one part of the item after the other, each time the one that brings the predictor closest to "
            "another output, until it gives one. Shows the changes with how far the predictor leans after each."
        ),
        reference="Hase & Bansal 2020, Evaluating explainable AI, ACL, arXiv 2005.01831, after Joshi et al. 2018",
    ),
    "latent_shift": Entry(
        path="explainers.methods.latent_shift:explain",
        title="Counterfactual by latent shift",
        forms={"image": "strip"},
        params=_LATENT_SHIFT,
        rows=64,
        summary=(
            "Redraws the picture with less and with more of what the predictor's output rests on: a strip from another "
            "output over the item to a plainer case of its own. A second network, trained on the predictor's training "
            "pictures, does the drawing."
        ),
        reference="Cohen et al. 2021, Gifsplanation via latent shift, MIDL, arXiv 2102.09475",
    ),
    "prototypes": Entry(
        path="explainers.methods.prototypes:explain",
        title="A prototype network's own explanation",
        forms={"image": "prototypes"},
        params=_PROTOTYPES,
        needs="prototype",
        signed=False,
        rows=64,
        summary=(
            "A prototype network answers by comparing the item with a few prototypes that it has learned: this shows "
            "those that the item is most like, and how much. A placebo shows other prototypes of the same classes."
        ),
        reference="Li, Liu, Chen & Rudin 2018, Deep learning for case-based reasoning, AAAI, arXiv 1710.04806",
    ),
    "probabilistic_prototypes": Entry(
        path="explainers.methods.probabilistic_prototypes:explain",
        title="Uncertain prototypes (Prob-PSENN)",
        forms={"image": "prototypes"},
        params=_PROBABILISTIC_PROTOTYPES,
        needs="prob-psenn",
        signed=False,
        rows=64,
        summary=(
            "A probabilistic prototype network has one prototype a class and is not sure what it looks like: this "
            "shows what it may be, how alike the item is to that, and how much the likeness changes with it."
        ),
        reference="Vadillo, Santana, Lozano & Kwiatkowska 2024, Uncertainty-aware explanations, arXiv 2403.13740",
    ),
    "feature_cards": Entry(
        path="explainers.methods.feature_cards:explain",
        title="Feature cards",
        forms={"text": "feature_cards"},
        params=_FEATURE_CARDS,
        needs="transformer",
        rows=64,
        summary=(
            "Looks inside the network: for the features that are most active in this text, pieces of other texts that "
            "make them active, and how far each moves the answer. A placebo shows features that are not active."
        ),
        reference="Cunningham et al. 2023, Sparse autoencoders find interpretable features, arXiv 2309.08600",
    ),
    "concept_formulas": Entry(
        path="explainers.methods.concept_formulas:explain",
        title="Concept formulas of units",
        forms={"text": "formulas"},
        params=_CONCEPT_FORMULAS,
        needs="transformer",
        rows=256,
        summary=(
            "Looks inside the network: for the features that move the answer to this text most, a short formula of "
            "concepts that says at which words each is active, with how well it fits, also in texts that it was not "
            "made from. A placebo shows formulas of others, turned so that they hold in this text."
        ),
        reference="Mu & Andreas 2020, Compositional explanations of neurons, NeurIPS, arXiv 2006.14032",
    ),
    "similarity_saliency": Entry(
        path="explainers.methods.similarity_saliency:explain",
        title="Picture and caption",
        forms={"image": "caption_match"},
        params=_SIMILARITY_SALIENCY,
        needs="two-tower",
        rows=64,
        summary=(
            "A two-tower network answers with the caption that goes best with the picture: this covers one part of the "
            "picture after the other, and leaves out one word of the caption after the other, and watches how far they "
            "move apart."
        ),
        reference="Zeiler & Fergus 2014, arXiv 1311.2901, on Radford et al. 2021, arXiv 2103.00020",
    ),
}
