"""What tells who people are must not come in: by a column's name, and by what its cells look like.

Public data sets of this field have carried IP addresses, coordinates and panel ids in every raw file. A participant's
name may be hashed with a key (HMAC-SHA256, RFC 2104); anything else of the kind is refused. Columns that the mapping
does not bring in are not looked at, as nothing of them stays.
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Final

from analysis.errors import ImportedFileError, MappingError
from analysis.importing.records import Records

LEAST_KEY: Final = 16  # bytes: ids of a panel can be listed, so a short key is found by trying
PSEUDONYM_DIGITS: Final = 16

TELLING_NAMES: Final = {
    "an IP address": ("ip", "ipaddress", "ipaddr", "userip", "remoteaddr"),
    "coordinates": ("latitude", "longitude", "locationlatitude", "locationlongitude", "lat", "lon", "lng", "gps"),
    "an e-mail address": ("email", "emailaddress", "mail", "recipientemail"),
    "a name or address": (
        "firstname", "lastname", "fullname", "surname", "recipientfirstname", "recipientlastname", "address",
        "street", "postcode", "zipcode", "phone", "phonenumber", "dateofbirth", "birthdate", "dob",
    ),
    "a panel's id": (
        "prolificpid", "prolificid", "prolific", "workerid", "mturkid", "mturkworkerid", "amazonid", "assignmentid",
        "hitid", "sessionid", "participantpublicid", "participantlabel", "externalid", "externalreference",
        "participantexternalsessionid", "sonaid", "cloudresearchid", "connectid",
    ),
}  # fmt: skip
PANEL_ID: Final = "a panel's id"
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
PROLIFIC: Final = re.compile(r"[0-9a-f]{24}")
MTURK: Final = re.compile(r"A(?=[A-Z]*[0-9])[A-Z0-9]{11,13}")
PAIR: Final = re.compile(r"\(?-?\d{1,3}\.\d{3,}[,;]\s*-?\d{1,3}\.\d{3,}\)?")


def _is_ip(cell: str) -> bool:
    if cell.count(".") != 3 and cell.count(":") < 2:
        return False
    try:
        ipaddress.ip_address(cell)
    except ValueError:
        return False
    return True


LOOKS: Final[dict[str, Callable[[str], object]]] = {
    "an e-mail address": EMAIL.search,
    "an IP address": _is_ip,
    "coordinates": PAIR.fullmatch,
    PANEL_ID: lambda cell: PROLIFIC.fullmatch(cell) or MTURK.fullmatch(cell),
}


def telling_name(column: str) -> str | None:
    """Say what a column of this name tells of people, or None."""
    plain = re.sub(r"[^a-z]", "", column.lower())
    return next((what for what, names in TELLING_NAMES.items() if plain in names), None)


def telling_cell(cell: str, *, of_people: bool = True) -> str | None:
    """Say what a cell that looks so tells of a person, or None; keys of the study's own may look like a panel's ids."""
    return next((what for what, looks_so in LOOKS.items() if (of_people or what != PANEL_ID) and looks_so(cell)), None)


def problems_in(records: Records, column: str, *, of_people: bool, is_pseudonym: bool = False) -> list[str]:
    """List why a column may not come in.

    Parameters
    ----------
    records : Records
    column : str
    of_people : bool
        Whether the cells name people or were written by them, and are not the study's own words.
    is_pseudonym : bool
        Whether the mapping says that the column's name misleads; its cells are looked at all the same.

    Returns
    -------
    list of str
        One sentence for the name, or one for each row with a cell of the kind.
    """
    what = None if is_pseudonym else telling_name(column)
    if what is not None:
        return [f"column {column}: by its name holds {what}, which is not brought in"]
    cells = records.column(column)
    telling = {cell: what for cell in set(cells) if (what := telling_cell(cell, of_people=of_people))}
    return [
        f"row {records.row[i]}, column {column}: looks like {telling[cell]}, which is not brought in"
        for i, cell in enumerate(cells)
        if cell in telling
    ]


def pseudonyms(cells: Sequence[str], key: bytes | None) -> list[str]:
    """Hash participants' names with a key that only the researcher has; the same name gives the same pseudonym.

    Parameters
    ----------
    cells : sequence of str
    key : bytes or None
        At least `LEAST_KEY` of them.

    Returns
    -------
    list of str
        "p-" and 16 hexadecimal digits; an empty name stays empty.

    Raises
    ------
    MappingError
        When the key is absent or too short.
    """
    if key is None or len(key) < LEAST_KEY:
        found = "none" if key is None else f"{len(key)} bytes"
        raise MappingError("mapping", [
            f"participant.hash: expected a key of {LEAST_KEY} bytes or more, found {found}; keep one in a file of "
            "yours and name it with --key-file (in Python: key=…)"
        ])  # fmt: skip
    known = {
        cell: f"p-{hmac.new(key, cell.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_DIGITS]}" for cell in set(cells)
    }
    return [known[cell] if cell else "" for cell in cells]


def refuse(records: Records, problems: Sequence[str], advice: str) -> None:
    """Raise when there are problems, with what to do about them."""
    if problems:
        raise ImportedFileError(records.name, [*problems, advice])
