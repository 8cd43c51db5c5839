"""How good is an explanation, without people: `registry` names the metrics, `measure` computes them for one arm."""
