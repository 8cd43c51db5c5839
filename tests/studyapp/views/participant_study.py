"""A small open study of any modality, written straight into the tables: what a participant's page needs, no more."""

from __future__ import annotations

import itertools
import random
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from explainers.types import (
    Concept,
    Concepts,
    FeatureWeight,
    FeatureWeights,
    Form,
    Heatmap,
    ImageInput,
    Input,
    Modality,
    TabularInput,
    TextInput,
    TokenWeights,
)
from studyapp.actions import audit
from studyapp.actions.consent_texts import add_first_text
from studyapp.actions.sealing import seal
from studyapp.design.schema import parse_design
from studyapp.models import (
    ArmExplanation,
    Dataset,
    Enrolment,
    Explanation,
    FrozenDesign,
    Item,
    Lab,
    Link,
    Perturbation,
    Predictor,
    Seal,
    Stage,
    Study,
    StudyItem,
)

CLASSES: Mapping[Modality, tuple[str, str]] = {
    "tabular": ("$50,000 or less", "More than $50,000"),
    "text": ("Negative", "Positive"),
    "image": ("4", "9"),
}
QUESTIONS: Mapping[Modality, str] = {
    "tabular": "What does the model say this person earns?",
    "text": "Does the model call this review positive or negative?",
    "image": "Which digit does the model see?",
}
VARIABLES = {
    "Age": ("28 or younger", "29 to 37", "38 to 48", "49 or older"),
    "Education": ("High school", "Some college", "Bachelor's degree", "Doctorate"),
    "Occupation": ("Craft and repair", "Police, fire or military", "Sales", "Management"),
    "Employer": ("Private company", "City or county", "Own company"),
    "Hours a week": ("39 or fewer", "40", "41 to 45", "46 or more"),
    "Gains on investments": ("None", "Up to $7,000", "More than $7,000"),
    "Losses on investments": ("None", "Up to $1,800"),
    "Marital status": ("Never married", "Married", "Divorced"),
    "Place in the household": ("Husband", "Wife", "Unmarried partner or parent", "Not in a family"),
    "Sex": ("Female", "Male"),
    "Race": ("White", "Black", "Asian or Pacific Islander"),
    "Country of birth": ("United States", "Mexico", "Canada or Europe"),
}
SENTENCE = (
    "the film opens slowly but the actors carry every scene with warmth and a dry wit that never "
    "tires even when its plot wanders off into a tedious chase nobody asked for"
)
WORDS = SENTENCE.split()
_numbers = itertools.count()


@dataclass(frozen=True)
class MadeStudy:
    """The study, its link, and every text that stands in an explanation and nowhere else."""

    study: Study
    link: Link
    n_steps: int

    @property
    def join(self) -> str:
        return f"/join/{self.link.token}/"

    @property
    def run(self) -> str:
        return f"/run/{self.study.public_id}/"


def make_study(
    modality: Modality = "tabular",
    *,
    arms: tuple[str, ...] = ("none", "lime"),
    concepts: bool = False,
    capacity: int = 40,
    redirect: str = "https://app.prolific.com/submissions/complete?cc=DONE42",
    strata: bool = True,
    canary: str = "",
    n_tests: int = 2,
    seed: int = 7,
) -> MadeStudy:
    """An open study with its explanations computed. `canary` is written into every explanation's text."""
    rng = random.Random(seed)
    number = next(_numbers)
    document = _document(modality, arms, capacity, redirect, strata, n_tests)
    design = parse_design(document)
    lab = Lab.objects.create(name=f"Lab {number}", pseudonym_key=secrets.token_bytes(32))
    study = Study.objects.create(lab=lab, title=design.title, draft=design.document())
    frozen = FrozenDesign.objects.create(
        study=study, document=design.document(), sha256=design.sha256(), items_sha256="0" * 64
    )
    add_first_text(frozen)
    dataset, _ = Dataset.objects.get_or_create(
        key=design.dataset, defaults={"title": modality, "modality": modality, "classes": list(CLASSES[modality])}
    )
    predictor, _ = Predictor.objects.get_or_create(
        key=f"{modality}-net",
        weights_sha256="1" * 64,
        defaults={"dataset": dataset, "title": "Net", "architecture": "mlp", "card": {}},
    )
    n_items = 0
    for item_set in design.item_sets:
        for place in range(item_set.n_items):
            n_items += 1
            shown = _input(modality, rng)
            item = Item.objects.create(dataset=dataset, key=secrets.token_hex(32), content=shown.to_json(), label=0)
            perturbation = _perturbation(item, shown, rng) if item_set.perturbed else None
            study_item = StudyItem.objects.create(
                design=frozen,
                key=f"{item_set.key}-{place}",
                item_set=item_set.key,
                item=item,
                perturbation=perturbation,
                label=place % 2,
                output=(place // 2) % 2,
                perturbed_output=rng.randrange(2) if perturbation else None,
            )
            if item_set.key in design.explained_item_sets():
                for arm in arms[1:]:
                    form = _form(shown, rng, concepts, canary)
                    explanation = Explanation.objects.create(
                        key=secrets.token_hex(32),
                        predictor=predictor,
                        item=item,
                        explainer="lime",
                        params={},
                        seed=1,
                        state="ready",
                        explained_class=study_item.output,
                        form=form.to_json(),
                        diagnostics={},
                        computed_at=timezone.now(),
                    )
                    ArmExplanation.objects.create(
                        design=frozen, arm=arm, study_item=study_item, explanation=explanation
                    )
    Seal.objects.create(study=study, encrypted_key=seal(secrets.token_bytes(32), "allocation"))
    stage = Stage.objects.create(study=study, kind="main", capacity=capacity)
    link = Link.objects.create(stage=stage, token=secrets.token_urlsafe(16))
    for state in ("frozen", "open"):
        set_state(study, state)
    n_steps = int(strata) + 2 + len(design.phases) + n_items + n_tests + len(design.ratings)
    return MadeStudy(study, link, n_steps)


def _document(
    modality: Modality, arms: tuple[str, ...], capacity: int, redirect: str, strata: bool, n_tests: int
) -> dict[str, object]:
    test = {"task": "forward_simulation", "item_set": "test"}
    factor = {
        "key": "ml",
        "question": "Have you worked with machine learning?",
        "options": ["Never", "A little", "Often"],
    }
    return {
        "title": "What will the model say?",
        "minutes": 12,
        "dataset": f"{modality}-data",
        "arms": [
            {
                "key": arm,
                "title": arm,
                "role": "explained" if place else "control",
                "predictor": f"{modality}-net",
                "explainer": {"name": "lime"} if place else None,
            }
            for place, arm in enumerate(arms)
        ],
        "item_sets": [
            {"key": "test", "n_items": n_tests},
            {"key": "learn", "n_items": 2},
            {"key": "changed", "n_items": n_tests, "perturbed": True},
        ],
        "phases": [
            {
                "key": "pre",
                "title": "First questions",
                "kind": "test",
                "intro": "You see examples one after the other.\n\nFor each, foretell what the model answers.",
                "blocks": [{"key": "pre", **test}],
            },
            {
                "key": "learning",
                "title": "Learn about the model",
                "kind": "learning",
                "intro": "Now you see what the model answered.\n\n- Take your time.\n- Nothing is asked here.",
                "blocks": [{"key": "learning", "task": "worked_example", "item_set": "learn", "explanation": True}],
            },
            {
                "key": "post",
                "title": "Last questions",
                "kind": "test",
                "intro": "The same kind of question again.",
                "blocks": [
                    {"key": "post", **test},
                    {"key": "change", "task": "counterfactual_simulation", "item_set": "changed"},
                ],
            },
        ],
        "allocation": {"block_multiples": [1], "strata": [factor] if strata else [], "capacity": capacity},
        "comprehension": {
            "questions": [
                {"question": "What do you foretell?", "options": ["The truth", "What the model answers"], "answer": 1},
                {"question": "Can the model be wrong?", "options": ["Yes", "No"], "answer": 0},
            ],
        },
        "ratings": [
            {
                "key": "clear",
                "question": "How clear was it to you what the model does?",
                "low": "Not at all clear",
                "high": "Completely clear",
            }
        ],
        "texts": {
            "consent": "We study how people learn to foretell a model.\n\nYou may stop at any time.\n\n"
            "- No risk is known.\n- Your answers are kept without your name.",
            "instructions": "A computer model has learned from many examples.\n\nYou foretell what it answers. "
            "It is not always right: answer what the model says, even where you disagree.",
            "question": QUESTIONS[modality],
            "debrief": "Thank you. We compare people who saw explanations with people who did not.",
            "contact": "Dr. Ada Example, study@example.org",
        },
        "completion": {"code": "DONE42", "redirect": redirect},
        "plan": {"control": arms[0]},
    }


def _input(modality: Modality, rng: random.Random) -> Input:
    match modality:
        case "tabular":
            return TabularInput(tuple((name, rng.choice(values)) for name, values in VARIABLES.items()))
        case "text":
            return TextInput(tuple(rng.sample(WORDS, 18)))
        case "image":
            return ImageInput(28, 28, 1, _digit(rng))


def _digit(rng: random.Random) -> bytes:
    """Strokes that look like a 4, a 9 or something between, white on black."""
    from PIL import Image, ImageDraw, ImageFilter

    image = Image.new("L", (112, 112), 0)
    draw = ImageDraw.Draw(image)
    top = rng.randint(12, 34)
    draw.line([(34, top), (30, 60), (78, 58)], fill=255, width=10, joint="curve")
    if rng.random() < 0.5:
        draw.line([(34, top), (78, top - 4)], fill=255, width=10)
    draw.line([(78, 16), (76, 98)], fill=255, width=10)
    return image.filter(ImageFilter.GaussianBlur(2)).resize((28, 28)).tobytes()


def _perturbation(item: Item, shown: Input, rng: random.Random) -> Perturbation:
    match shown:
        case TabularInput(values=values):
            name, old = values[4]
            new = next(value for value in VARIABLES[name] if value != old)
            changed: Input = TabularInput(tuple((key, new if key == name else value) for key, value in values))
            changes = [[name, old, new]]
        case TextInput(tokens=tokens):
            changed = TextInput((*tokens[:6], "splendid", *tokens[7:]))
            changes = [["6", tokens[6], "splendid"]]
        case ImageInput(pixels=pixels):
            after = bytearray(pixels)
            for row in range(12, 17):
                for column in range(7, 14):
                    after[row * 28 + column] = 0
            changed, changes = ImageInput(28, 28, 1, bytes(after)), [["rows 13-17, columns 8-14", "as drawn", "erased"]]
    return Perturbation.objects.create(
        item=item, key=secrets.token_hex(32), kind="test", content=changed.to_json(), changes=changes
    )


def _form(shown: Input, rng: random.Random, concepts: bool, canary: str) -> Form:
    def weight() -> float:
        return rng.gauss(0, 0.2) * rng.random()

    match shown:
        case TabularInput(values=values):
            return FeatureWeights(tuple(FeatureWeight(name + canary, value, weight()) for name, value in values))
        case TextInput(tokens=tokens):
            return TokenWeights(tuple(token + canary for token in tokens), tuple(weight() for _ in tokens))
        case ImageInput():
            if concepts:
                pictures = [tuple(_input("image", rng) for _ in range(3)) for _ in range(5)]
                return Concepts(
                    tuple(
                        Concept(f"Pattern {n}{canary}", rng.random(), weight(), shown_by)
                        for n, shown_by in enumerate(pictures, start=1)
                    )
                )
            centre = rng.randint(8, 20), rng.randint(8, 20)
            values = tuple(
                max(0.0, 1 - ((row - centre[0]) ** 2 + (column - centre[1]) ** 2) / 60) - (0.5 if row > 22 else 0)
                for row in range(28)
                for column in range(28)
            )
            return Heatmap(28, 28, values)


# --- walking through it ------------------------------------------------------------------------------------------


def fields_of(response: HttpResponse) -> dict[str, str]:
    """The hidden fields of a page's form, as a browser would send them."""
    page = response.content.decode()
    return {
        name: value
        for name, value in re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page)
        if name != "csrfmiddlewaretoken"
    }


def consent(client: Client, made: MadeStudy, query: str = "") -> Enrolment:
    """Open the link and agree; the client then holds the key to its run."""
    page = client.get(made.join + query)
    response = client.post(made.join, {**fields_of(page), "decision": "consent"})
    assert response.status_code == 303, response.content.decode()
    return Enrolment.objects.filter(study=made.study).latest("pk")


RIGHT_CHECK = {"answer-0": "1", "answer-1": "0"}


def answer_to(page: HttpResponse) -> dict[str, str]:
    """An answer that every screen takes: the first button, and the right ones of the comprehension check."""
    text = page.content.decode()
    if 'name="answer-0"' in text:
        return RIGHT_CHECK
    found = re.search(r'name="answer" value="([^"]*)"', text)
    return {"answer": found.group(1).replace("&amp;", "&").replace("&#x27;", "'")} if found else {}


def step(client: Client, made: MadeStudy, **extra: str) -> HttpResponse:
    """Read the screen and answer it; the reply to the POST."""
    page = client.get(made.run)
    return client.post(made.run, {**fields_of(page), **answer_to(page), **extra})


def walk(client: Client, made: MadeStudy, until: int | None = None) -> HttpResponse:
    """Answer screens until a position, or all of them; the page that stands then."""
    enrolment = Enrolment.objects.filter(study=made.study).latest("pk")
    stop = made.n_steps if until is None else until
    while enrolment.position < stop and enrolment.state == "active":
        assert step(client, made).status_code == 303
        enrolment.refresh_from_db()
    return client.get(made.run)


@transaction.atomic
def set_state(study: Study, state: str) -> None:
    """Move a study on, with the entry in the trail that the database asks for."""
    study.state = state
    study.save(update_fields=["state"])
    audit.record(state, "study", actor=audit.SYSTEM, study=study)
