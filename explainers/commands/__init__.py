"""What `python -m explainers` can do, a file each; `explainers.metrics` and `explainers.benchmark` hold their own."""
