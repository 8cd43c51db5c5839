"""Predictors and the explanations of what they output. Needs torch; knows nothing of studies."""
