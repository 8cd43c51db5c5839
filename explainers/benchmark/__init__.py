"""How fast explanations are: each method against the bare passes through the predictor that it needs."""
