"""Explanation methods, one file each; `explainers.registry` names them and `explainers.explain` runs them."""
