"""Exit 0 if the web server of this container answers /livez, as a proxy in front of it would ask."""

import http.client
import os
import sys


def host_to_ask_for() -> str:
    """A name that the server accepts; wildcard patterns are no names."""
    names = [name.strip() for name in os.environ.get("FORETELL_HOSTS", "").split(",")]
    return next((name for name in names if name and not name.startswith((".", "*"))), "localhost")


def is_alive() -> bool:
    port = int(os.environ.get("FORETELL_BIND", ":8000").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/livez", headers={"Host": host_to_ask_for(), "X-Forwarded-Proto": "https"})
        return connection.getresponse().status == 200
    except OSError as error:
        print(f"/livez: {error}", file=sys.stderr)
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive() else 1)
