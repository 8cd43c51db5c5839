"""A file of explanations: JSON Lines, a header and then one item a line. docs/imported-explanations.md describes it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from explainers.errors import ImportRefused
from explainers.imports.fields import Misfit, flag, line, parsed, record, shown, whole
from explainers.imports.forms import MOST_CLASSES, SIGNED, check_direction, check_fits, read_form
from explainers.imports.inputs import input_sha256, read_input
from explainers.imports.sameness import Sameness
from explainers.registry import IMPORTABLE
from explainers.types import Form, FormName, Input

FORMAT, VERSION = "foretell_explanations", 1
MAX_BYTES = 1_000_000
MAX_ITEMS = 2000
MAX_PROBLEMS = 20  # more than anybody mends at once
_SHA256 = re.compile(r"[0-9a-f]{64}")

Known: TypeAlias = Callable[[str], "KnownItem | None"]


@dataclass(frozen=True)
class Header:
    """What the first line says. `weights_sha256` and `reference` are empty where it does not say them."""

    method: str
    form: FormName
    signed: bool
    predictor: str
    weights_sha256: str = ""
    reference: str = ""

    @property
    def params(self) -> dict[str, str]:
        """The parameters of `imported` that follow from it."""
        return {"form": self.form, "direction": "signed" if self.signed else "sizes"}


@dataclass(frozen=True)
class ImportedItem:
    """One line: an item by its SHA-256, its explanation, and the class that is explained where the line says it."""

    line: int
    item: str
    form: Form
    explained_class: int | None = None


@dataclass(frozen=True)
class ImportFile:
    """A file that is well-formed by itself; `sha256` is that of its bytes."""

    sha256: str
    header: Header
    items: tuple[ImportedItem, ...]
    inputs: Mapping[str, Input]  # of the items that stand in the file in full


@dataclass(frozen=True)
class KnownItem:
    """An item that is known here, and the class that the predictor gives it."""

    input: Input
    class_index: int


def read_import(content: bytes) -> ImportFile:
    """Read and check all that needs nothing but the file.

    Raises
    ------
    ImportRefused
        With up to `MAX_PROBLEMS` problems, each with its line and field.
    """
    lines = _lines(content)
    try:
        header = _header(parsed(lines[0][1]))
    except Misfit as error:
        raise ImportRefused([f"line {lines[0][0]}: {error}"]) from None
    reader = _Reader(header)
    problems = [problem for number_, text in lines[1:] if (problem := reader.read(number_, text))]
    if not problems and not reader.items:
        problems = ["the file has a header and no item"]
    if problems:
        raise ImportRefused(_first(problems))
    return ImportFile(hashlib.sha256(content).hexdigest(), header, tuple(reader.items), reader.inputs)


def check_items(file: ImportFile, known: Known, n_classes: int) -> None:
    """Hold each explanation against the item that it is of; raises ImportRefused.

    Parameters
    ----------
    file : ImportFile
    known : callable
        Gives the item of a SHA-256 with the predictor's output, or None.
    n_classes : int
        How many classes the predictor has.
    """
    problems = list(_misfits(file, known, n_classes))
    if problems:
        raise ImportRefused(_first(problems))


def _misfits(file: ImportFile, known: Known, n_classes: int) -> Iterator[str]:
    for one in file.items:
        item = known(one.item)
        if item is None:
            yield f"line {one.line}: item: {one.item} is no item of {file.header.predictor}'s data"
            continue
        if one.explained_class is not None and one.explained_class != item.class_index:
            yield (
                f"line {one.line}: explained_class: the predictor's output is class {item.class_index}, "
                f"{one.explained_class} came; explain the predictor's own output"
            )
        try:
            check_fits(one.form, item.input, n_classes, "explanation")
        except Misfit as error:
            yield f"line {one.line}: {error}"


def _first(problems: list[str]) -> list[str]:
    more = len(problems) - MAX_PROBLEMS
    return [*problems[:MAX_PROBLEMS], f"and {more} more"] if more > 0 else problems


def _lines(content: bytes) -> list[tuple[int, str]]:
    """The lines that are not empty, with their numbers from 1."""
    if len(content) > MAX_BYTES:
        raise ImportRefused([f"the file has {len(content):,} bytes; {MAX_BYTES:,} are the most"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused([f"byte {error.start + 1} is not text in UTF-8"]) from None
    found = [(n, one) for n, one in enumerate(text.split("\n"), start=1) if one.strip()]
    if not found:
        raise ImportRefused(["the file is empty"])
    if len(found) > MAX_ITEMS + 1:
        raise ImportRefused([f"the file has {len(found) - 1} items; {MAX_ITEMS} are the most"])
    return found


def _header(value: object) -> Header:
    path = "header"
    data = record(value, path, (FORMAT, "method", "form", "signed", "predictor"), ("reference",))
    if data[FORMAT] != VERSION or isinstance(data[FORMAT], bool):
        raise Misfit(f"{path}.{FORMAT}: {VERSION} was expected, {shown(data[FORMAT])} came")
    form = next((name for name in IMPORTABLE if name == data["form"]), None)
    if form is None:
        raise Misfit(f"{path}.form: one of {', '.join(IMPORTABLE)} was expected, {shown(data['form'])} came")
    signed = flag(data["signed"], f"{path}.signed")
    if signed != SIGNED.get(form, signed):
        raise Misfit(f"{path}.signed: {shown(not signed)} was expected for the form {form}")
    predictor = record(data["predictor"], f"{path}.predictor", ("name",), ("weights_sha256",))
    return Header(
        method=line(data["method"], f"{path}.method", most=100),
        form=form,
        signed=signed,
        predictor=line(predictor["name"], f"{path}.predictor.name", most=40),
        weights_sha256=_sha256(predictor.get("weights_sha256", ""), f"{path}.predictor.weights_sha256", may_lack=True),
        reference=line(data.get("reference", ""), f"{path}.reference", most=300, fewest=0),
    )


def _sha256(value: object, path: str, *, may_lack: bool = False) -> str:
    if may_lack and value == "":
        return ""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise Misfit(f"{path}: a SHA-256 of 64 hexadecimal digits was expected, {shown(value)} came")
    return value


class _Reader:
    """Reads lines behind a header, and remembers what must not differ between them."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._seen: dict[str, int] = {}
        self._same = Sameness()
        self.items: list[ImportedItem] = []
        self.inputs: dict[str, Input] = {}

    def read(self, number_: int, text: str) -> str:
        """Take in a line; gives what is wrong with it, or nothing."""
        try:
            self.items.append(self._item(number_, parsed(text)))
        except Misfit as error:
            return f"line {number_}: {error}"
        return ""

    def _item(self, number_: int, value: object) -> ImportedItem:
        data = record(value, "entry", ("item", "explanation"), ("explained_class",))
        key = self._key(data["item"])
        if key in self._seen:
            raise Misfit(f"item: the same item as in line {self._seen[key]}")
        self._seen[key] = number_
        form = read_form(data["explanation"], "explanation", self._header.form)
        check_direction(form, self._header.signed, "explanation")
        self._same.expect(form)
        said = data.get("explained_class")
        explained = None if said is None else whole(said, "explained_class", low=0, high=MOST_CLASSES - 1)
        return ImportedItem(number_, key, form, explained)

    def _key(self, value: object) -> str:
        if not isinstance(value, dict):
            return _sha256(value, "item")
        item = read_input(value, "item")
        key = input_sha256(item)
        self.inputs[key] = item
        return key
