"""One simulated person's way through a study: from the link to the completion code, over HTTP, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from studyapp.actions.enrol import Arrival, find_enrolment
from studyapp.actions.links import link_address
from studyapp.design.facts import ItemTruth
from studyapp.design.order import Step
from studyapp.models import Enrolment, Link
from studyapp.models.frozen import FrozenStudy
from studyapp.models.participants import EnrolmentState
from studyapp.rehearsal.behaviours import Asked, Behaviour, Character
from studyapp.rehearsal.browser import Browser, Form, Page, UnexpectedPage
from studyapp.rehearsal.mixes import Course
from studyapp.tasktypes import TASK_TYPES

CAREFUL = 0.9  # the share that passes the comprehension check at the first attempt; all do at the second
TWICE_EVERY = 5  # screens between those that somebody with two tabs opens in both


@dataclass(frozen=True)
class Setting:
    """What everybody in a rehearsal shares. The truths come from the database; no page holds them."""

    link: Link
    study: FrozenStudy
    truths: Mapping[str, ItemTruth]
    course: Course


@dataclass(frozen=True)
class Standing:
    """Where the database says that the person is."""

    position: int
    attempt: int
    arm: str
    order_seed: int
    state: str


def take_part(setting: Setting, character: Character, behaviour: Behaviour) -> str:
    """Go through the study, or as far as the behaviour goes; the state in which the person ends.

    Somebody who took part before goes on where they were. Raises UnexpectedPage with the title of a page that should
    not have come, and SiteAway when nothing answers.
    """
    person = _Person(setting, character, behaviour)
    try:
        return person.take_part()
    finally:
        person.browser.close()
        person.tab.close()


class _Person:
    def __init__(self, setting: Setting, character: Character, behaviour: Behaviour) -> None:
        self.setting, self.character, self.behaviour = setting, character, behaviour
        self.browser = Browser(scripts=behaviour.scripts)
        self.tab = self.browser.another_tab()
        # The stage is part of the id: a person of one rehearsal is nobody in the next.
        self.id = f"simulated-{setting.link.stage_id}-{character.number}"
        self.address = f"{link_address(setting.link)}?participant={self.id}"

    def take_part(self) -> str:
        page = self._arrive()
        before: Standing | None = None
        while (here := self._standing()).state == EnrolmentState.ACTIVE:
            if here == before:
                raise self._lost(page, f"expected to go on from screen {here.position}")
            if self.behaviour.leaves and here.position >= self._leaves_at:
                return here.state
            page = self._answer(self._come_back(page, here), here)
            before = here
        self._check_end(page, here)
        return here.state

    # --- coming -----------------------------------------------------------------------------------------------

    def _arrive(self) -> Page:
        page = self._expect(self.browser.get(self.address), "the consent page")
        form = page.form_with("decision")
        if form is None:  # known from before: the link led straight to the run
            return page
        if self.behaviour.two_tabs:
            twin = self.tab.get(self.address)
            self._expect(self.tab.send(twin, self._form(twin, "decision"), {"decision": "consent"}), "the first screen")
        return self._expect(self.browser.send(page, form, {"decision": "consent"}), "the first screen")

    def _come_back(self, page: Page, here: Standing) -> Page:
        """Reload at a third of the way; at two thirds open the link on another device, which has no cookies."""
        if not self.behaviour.comes_back:
            return page
        if here.position == self.setting.course.n_steps // 3:
            return self._same_form(page, self._expect(self.browser.get(page.url), "the same screen"))
        if here.position == 2 * self.setting.course.n_steps // 3:
            self.browser.close()
            self.browser = Browser(scripts=self.behaviour.scripts)
            return self._same_form(page, self._expect(self.browser.get(self.address), "the same screen"))
        return page

    def _same_form(self, page: Page, again: Page) -> Page:
        if self._form(page, "stamp").offers != self._form(again, "stamp").offers:
            raise self._lost(again, "expected the same choices after coming back")
        return again

    @cached_property
    def _leaves_at(self) -> int:
        return self.setting.course.leaving_screen(self.character.draw("leaves"))

    @cached_property
    def _enrolment_id(self) -> int:
        enrolment = find_enrolment(self.setting.link, Arrival("label", self.id, {}), "")
        if enrolment is None:
            raise UnexpectedPage(f"{self.id} consented, but the database holds no enrolment of theirs")
        return enrolment.pk

    def _standing(self) -> Standing:
        row = Enrolment.objects.values_list("position", "attempt", "arm", "order_seed", "state")
        return Standing(*row.get(pk=self._enrolment_id))

    # --- answering --------------------------------------------------------------------------------------------

    def _answer(self, page: Page, here: Standing) -> Page:
        step = self.setting.study.steps(here.order_seed)[here.position]
        form = self._form(page, "stamp")
        answers = self._choose(step, here)
        for name, value in answers.items():
            if value not in form.offers.get(name, ()):
                raise self._lost(page, f"expected a choice {value!r} of {name!r} at screen {here.position}")
        sent = {**answers, **self._times(step)}
        if self.behaviour.two_tabs and here.position % TWICE_EVERY == 0:
            return self._answer_twice(page, form, sent)
        return self._expect(self.browser.send(page, form, sent), f"what comes after screen {here.position}")

    def _answer_twice(self, page: Page, form: Form, sent: Mapping[str, str]) -> Page:
        """Open the screen in a second tab, answer in the first, then in the second: the first answer stays."""
        twin = self._expect(self.tab.get(page.url), "the same screen in a second tab")
        self._expect(self.browser.send(page, form, sent), "the next screen")
        return self._expect(self.tab.send(twin, self._form(twin, "stamp"), sent), "the next screen in the second tab")

    def _choose(self, step: Step, here: Standing) -> dict[str, str]:
        """The fields of the form, by what the database knows of the screen."""
        design = self.setting.study.design
        match step.kind:
            case "background":
                factor = next(factor for factor in design.allocation.strata if factor.key == step.key)
                return {"answer": str(self._below(len(factor.options), f"background/{step.key}"))}
            case "comprehension":
                passes = here.attempt > 1 or self.character.draw("comprehension") < CAREFUL
                return {
                    f"answer-{number}": str(
                        question.answer if passes else (question.answer + 1) % len(question.options)
                    )
                    for number, question in enumerate(design.comprehension.questions)
                }
            case "rating":
                points = next(rating.points for rating in design.ratings if rating.key == step.key)
                return {"answer": str(1 + self._below(points, f"rating/{step.key}"))}
            case "trial":
                asked = self._asked(step, here.arm)
                return {"answer": self.behaviour.choose(self.character, asked)} if asked else {}
            case _:
                return {}

    def _asked(self, step: Step, arm: str) -> Asked | None:
        """The question of a trial with its right answer; None for a worked example, where nothing is asked."""
        design, truth = self.setting.study.design, self.setting.truths[step.key]
        score = TASK_TYPES[step.task].score({"choice": truth.label}, truth)
        if score is None:
            return None
        explains = design.arm(arm).role == "explained"
        return Asked(
            item=step.key,
            phase=step.phase,
            options=self.setting.study.classes,
            right=score.asked,
            label=truth.label,
            learned=explains and step.phase == design.plan.post,
        )

    def _times(self, step: Step) -> dict[str, str]:
        """What our script would have measured. Nobody sleeps: the server's own interval stays short."""
        if not self.behaviour.scripts:
            return {}
        taken = self.character.response_ms(str(step.position), self.behaviour.pace)
        return {"response_ms": str(taken), "trail_first_touch_ms": str(taken * 4 // 5), "trail_changes": "0"}

    def _below(self, bound: int, what: str) -> int:
        return int(self.character.draw(what) * bound)

    # --- what should have come ---------------------------------------------------------------------------------

    def _form(self, page: Page, field: str) -> Form:
        form = page.form_with(field)
        if form is None:
            raise self._lost(page, f"expected a form with {field!r}")
        return form

    def _expect(self, page: Page, what: str) -> Page:
        if page.status != 200:
            raise self._lost(page, f"expected {what}")
        return page

    def _check_end(self, page: Page, here: Standing) -> None:
        code = self.setting.study.design.completion.code
        if here.state == EnrolmentState.COMPLETED and code not in page.text:
            raise self._lost(page, "expected the completion code")

    def _lost(self, page: Page, expected: str) -> UnexpectedPage:
        return UnexpectedPage(
            f"{self.id}: {expected}; met the page {page.title!r} (status {page.status}) at {page.url}"
        )
