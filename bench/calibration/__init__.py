"""How often each test of `analysis/` is wrong where nothing is to be found: `python -m bench.calibration`."""
