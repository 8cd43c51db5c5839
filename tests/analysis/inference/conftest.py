"""Set A of the reference: 100 people, two arms, 16 answers before and 16 after; R's numbers for it are in the tests."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def set_a(columns_of):
    """Columns by name, shape (3200,)."""
    return columns_of("A")


@pytest.fixture(scope="session")
def people_of_a(set_a):
    """Set A as one row a person: shares correct before and after, and the arm, each of shape (100,)."""
    people = np.unique(set_a["pid"])
    cells = [(set_a["pid"] == person) & (set_a["post"] == post) for post in (0, 1) for person in people]
    pre, post = np.array([set_a["y"][cell].mean() for cell in cells]).reshape(2, -1)
    arm = np.array([set_a["arm"][set_a["pid"] == person][0] for person in people], dtype=np.int64)
    return {"pre": pre, "post": post, "arm": arm}
