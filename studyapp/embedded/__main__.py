"""`python -m studyapp.embedded start|status|stop|erase`: the servers by hand, without Django."""

import argparse
import os
import sys
from pathlib import Path

from studyapp.embedded import EmbeddedError, erase, running, start, stop
from studyapp.embedded.services import Services

DEFAULT_DATA = Path(__file__).resolve().parents[2] / ".foretell"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m studyapp.embedded", description=__doc__)
    parser.add_argument("action", choices=["start", "status", "stop", "erase"])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FORETELL_DATA") or DEFAULT_DATA))
    parser.add_argument("--yes", action="store_true", help="erase without asking")
    options = parser.parse_args(arguments)
    try:
        return _act(options.action, options.data, sure=options.yes)
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1


def _act(action: str, data: Path, *, sure: bool) -> int:
    if action == "start":
        _show(start(data))
        return 0
    if action == "status":
        services = running(data)
        if services is None:
            print(f"The servers of {data} are not running.")
            return 1
        _show(services)
        return 0
    if action == "stop":
        print(f"The servers of {data} {'are stopped' if stop(data) else 'were not running'}.")
        return 0
    if not sure and not _confirmed(f"Delete the database of {data} for good? Type yes: "):
        print("Nothing was deleted.")
        return 1
    erase(data)
    print(f"The database of {data} is deleted.")
    return 0


def _show(services: Services) -> None:
    # Valkey's password stays in services.json: a terminal's history is no place for it.
    address = services.redis_url.rpartition("@")[2] or "not running"
    print(f"Postgres: {services.database_url}\nValkey:   {address}\nFiles:    {services.home}")


def _confirmed(question: str) -> bool:
    try:
        return input(question).strip() == "yes"
    except EOFError:
        return False


if __name__ == "__main__":
    sys.exit(main())
