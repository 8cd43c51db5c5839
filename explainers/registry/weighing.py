"""Methods that weigh the parts of an item."""

from __future__ import annotations

from collections.abc import Mapping

from explainers.registry.entries import WEIGHTS, Entry, Float, Int, Param

_STEADINESS: Mapping[str, Param] = {
    "steady_r": Float(
        0.0,
        low=0.0,
        high=0.99,
        help=(
            "Asks twice as often, again and again, until two runs with other seeds would give weights that correlate "
            "this much: what people see is then the method and not its noise. 0 asks as often as said and no more."
        ),
    ),
    "most_samples": Int(40_000, low=100, high=200_000, help="Where the doubling ends, steady or not."),
}
_LIME: Mapping[str, Param] = {
    "n_samples": Int(
        5000,
        low=100,
        high=20_000,
        help="How many perturbed copies of the item the predictor answers: more is steadier and slower.",
    ),
    "kernel_width": Float(
        0.0,
        low=0.0,
        high=1000.0,
        help=(
            "How far a copy may be from the item and still count. 0 takes LIME's own: 0.75 times the square root "
            "of the number of variables for tables, 25 for text, 0.25 for images."
        ),
    ),
    "cells": Int(7, low=2, high=32, help="Images only: the picture is cut into this many rows and columns of cells."),
    **_STEADINESS,
}
_INTEGRATED_GRADIENTS: Mapping[str, Param] = {
    "n_steps": Int(50, low=5, high=500, help="How many points of the path from the baseline to the item are used."),
}
_KERNEL_SHAP: Mapping[str, Param] = {
    "n_coalitions": Int(
        2048,
        low=100,
        high=20_000,
        help=(
            "How many combinations of parts the predictor is asked about, at least four times the number of parts: "
            "more is steadier and slower. Up to ten parts the default asks all of them."
        ),
    ),
    "cells": _LIME["cells"],
    **_STEADINESS,
}
_EXACT_SHAPLEY: Mapping[str, Param] = {
    "n_groups": Int(
        14,
        low=2,
        high=14,
        help=(
            "Texts and pictures: neighbouring words, or the cells of a grid, are put into at most this many groups. "
            "Each further group doubles the time."
        ),
    ),
}
_OCCLUSION: Mapping[str, Param] = {
    "patch_px": Int(8, low=1, high=256, help="Images only: the height and width of the black patch, in pixels."),
    "overlap": Int(
        2,
        low=1,
        high=8,
        help=(
            "Images only: the patch moves by this fraction of its size (2: by half), so that patches lie over each "
            "other; 1 puts them side by side."
        ),
    ),
    "n_words": Int(1, low=1, high=20, help="Texts only: how many neighbouring words are left out at a time."),
}
_SMOOTHGRAD: Mapping[str, Param] = {
    "n_copies": Int(50, low=5, high=500, help="How many noisy copies of the item the gradients are averaged over."),
    "noise": Float(
        0.15,
        low=0.01,
        high=1.0,
        help=(
            "The noise's standard deviation as a share of the range of the item's numbers; its authors advise 0.1 "
            "to 0.2."
        ),
    ),
}

WEIGHING: Mapping[str, Entry] = {
    "lime": Entry(
        path="explainers.methods.lime:explain",
        title="LIME",
        forms=WEIGHTS,
        params=_LIME,
        summary=(
            "Changes parts of the item at random, asks the predictor each time, and fits a straight line to its "
            "answers near the item. A weight above 0 speaks for the predictor's output, below 0 against it."
        ),
        reference='Ribeiro, Singh & Guestrin 2016, "Why Should I Trust You?", KDD, arXiv 1602.04938',
    ),
    "kernel_shap": Entry(
        path="explainers.methods.kernel_shap:explain",
        title="Kernel SHAP",
        forms=WEIGHTS,
        params=_KERNEL_SHAP,
        summary=(
            "Shares the change of the predictor's output from an empty item (average, no words, black) to this one "
            "fairly among the parts, as if they were players of a game. Asks about many combinations of parts and "
            "estimates the shares."
        ),
        reference="Lundberg & Lee 2017, A unified approach to interpreting model predictions, arXiv 1705.07874",
    ),
    "exact_shapley": Entry(
        path="explainers.methods.exact_shapley:explain",
        title="Exact Shapley values",
        forms=WEIGHTS,
        params=_EXACT_SHAPLEY,
        rows=2**14,
        summary=(
            "Shares the change of the predictor's output from an empty item (average, no words, black) to this one "
            "fairly among the parts. Asks about every combination of up to 14 parts, so nothing is estimated."
        ),
        reference="Lundberg & Lee 2017, equation 4, after Shapley 1953, arXiv 1705.07874",
    ),
    "occlusion": Entry(
        path="explainers.methods.occlusion:explain",
        title="Occlusion",
        forms=WEIGHTS,
        params=_OCCLUSION,
        rows=64,
        summary=(
            "Covers one part of the item after the other and watches how far the predictor's output falls. A weight "
            "above 0 means that it falls without the part, below 0 that it rises."
        ),
        reference="Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, arXiv 1311.2901",
    ),
    "saliency": Entry(
        path="explainers.methods.saliency:explain",
        title="Gradient saliency",
        forms=WEIGHTS,
        signed=False,
        summary=(
            "The size of the predictor's gradient at each part of the item: how much a small change there would "
            "move the output. Weights are never below 0: they say how much, not in which direction."
        ),
        reference="Simonyan, Vedaldi & Zisserman 2014, Deep inside convolutional networks, arXiv 1312.6034",
    ),
    "smoothgrad": Entry(
        path="explainers.methods.smoothgrad:explain",
        title="SmoothGrad",
        forms=WEIGHTS,
        params=_SMOOTHGRAD,
        signed=False,
        summary=(
            "Gradient saliency averaged over copies of the item with random noise, so that what stands in it by "
            "chance goes away. Weights are never below 0: they say how much, not in which direction."
        ),
        reference="Smilkov et al. 2017, SmoothGrad: removing noise by adding noise, arXiv 1706.03825",
    ),
    "guided_backpropagation": Entry(
        path="explainers.methods.guided_backpropagation:explain",
        title="Guided backpropagation",
        forms={"tabular": "feature_weights", "image": "heatmap"},
        signed=False,
        summary=(
            "The gradient, but only along ways through the network that speak for the output all along. Draws clear "
            "edges, yet is known to depend little on what the predictor has learned."
        ),
        reference="Springenberg et al. 2015, Striving for simplicity: the all convolutional net, arXiv 1412.6806",
    ),
    "gradient_x_input": Entry(
        path="explainers.methods.gradient_x_input:explain",
        title="Gradient × input",
        forms=WEIGHTS,
        summary=(
            "The gradient times the value that is there: a first-order estimate of what each part of the item "
            "adds to the predictor's output."
        ),
        reference="Shrikumar, Greenside, Shcherbina & Kundaje 2016, Not just a black box, arXiv 1605.01713",
    ),
    "integrated_gradients": Entry(
        path="explainers.methods.integrated_gradients:explain",
        title="Integrated gradients",
        forms=WEIGHTS,
        params=_INTEGRATED_GRADIENTS,
        summary=(
            "Adds up the gradient on the way from a neutral baseline (the average row, an empty text, a black "
            "picture) to the item: the weights sum to the difference between the two outputs."
        ),
        reference="Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, ICML, arXiv 1703.01365",
    ),
    "grad_cam": Entry(
        path="explainers.methods.grad_cam:explain",
        title="Grad-CAM",
        forms={"image": "heatmap"},
        needs="cnn",
        signed=False,
        summary=(
            "Adds up the maps of the last convolution, each by how much it speaks for the output, and keeps what is "
            "above 0: a coarse map of where the network finds what it answers."
        ),
        reference="Selvaraju et al. 2017, Grad-CAM: visual explanations from deep networks, ICCV, arXiv 1610.02391",
    ),
    "senn": Entry(
        path="explainers.methods.senn:explain",
        title="SENN's own explanation",
        forms={"tabular": "feature_weights", "text": "token_weights", "image": "concepts"},
        needs="senn",
        summary=(
            "A self-explaining network is a sum of concepts times relevances: this shows the very terms it adds up, "
            "with examples of each concept where the items are images."
        ),
        reference="Alvarez-Melis & Jaakkola 2018, Towards robust interpretability, NeurIPS, arXiv 1806.07538",
    ),
    "attention": Entry(
        path="explainers.methods.attention:explain",
        title="Attention",
        forms={"text": "token_weights"},
        needs="attention",
        signed=False,
        summary=(
            "How the network shares its attention among the words when it makes its answer; the shares add up to 1. "
            "It says where the network looks, not what follows from it: whether that explains is disputed."
        ),
        reference="Bahdanau, Cho & Bengio 2015, Neural machine translation by jointly learning, arXiv 1409.0473",
    ),
    "attention_rollout": Entry(
        path="explainers.methods.attention_rollout:explain",
        title="Attention rollout",
        forms={"text": "token_weights"},
        needs="transformer",
        signed=False,
        summary=(
            "Follows attention through all layers of a transformer: a layer looks at words that have themselves looked "
            "at others. The shares of the words add up to 1. It says where the network looks, not what follows from it."
        ),
        reference="Abnar & Zuidema 2020, Quantifying attention flow in transformers, ACL, arXiv 2005.00928",
    ),
}
