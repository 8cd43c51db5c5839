"""Exit 0 if the process of this container is alive: `healthcheck.py [web|relay|worker]`.

The web server is asked for /livez, as a proxy in front of it would; relay and workers say in the database every few
seconds that they live.
"""

import http.client
import os
import socket
import sys

SEEN = """
SELECT EXISTS (SELECT FROM studyapp_heartbeat WHERE name LIKE %s AND at > clock_timestamp() - interval '60 s')
"""


def host_to_ask_for() -> str:
    """A name that the server accepts; wildcard patterns are no names."""
    names = [name.strip() for name in os.environ.get("FORETELL_HOSTS", "").split(",")]
    return next((name for name in names if name and not name.startswith((".", "*"))), "localhost")


def web_answers() -> bool:
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


def was_seen(kind: str) -> bool:
    """Whether the process of this container gave a sign of life within a minute: relay@host:1, celery@host."""
    import psycopg2

    name = f"{'relay' if kind == 'relay' else 'celery'}@{socket.gethostname()}%"
    try:
        connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=4)
        with connection.cursor() as cursor:
            cursor.execute(SEEN, [name])
            return bool(cursor.fetchone()[0])
    except psycopg2.Error as error:
        print(f"{kind}: {type(error).__name__}", file=sys.stderr)
        return False


if __name__ == "__main__":
    kind = sys.argv[1] if len(sys.argv) > 1 else "web"
    sys.exit(0 if (web_answers() if kind == "web" else was_seen(kind)) else 1)
