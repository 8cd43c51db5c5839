"""The commands of `python -m analysis`, one file each: `NAME`, `add_parser(commands)` and `run(options)`."""
