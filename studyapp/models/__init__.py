"""Tables, their constraints, and reading. Writes are in `actions`."""

from studyapp.models.accounts import Lab, Membership, Role, SignInLink, User
from studyapp.models.audit import AuditEntry
from studyapp.models.explanations import ArmExplanation, Explanation
from studyapp.models.jobs import Job
from studyapp.models.material import Dataset, Item, Output, Perturbation, Predictor
from studyapp.models.participants import (
    Assignment,
    Consent,
    Decline,
    Enrolment,
    PanelIdentity,
    Participant,
    Response,
    Stratum,
)
from studyapp.models.reports import Report
from studyapp.models.studies import FrozenDesign, Link, Seal, Stage, Study, StudyItem

__all__ = [
    "ArmExplanation",
    "Assignment",
    "AuditEntry",
    "Consent",
    "Dataset",
    "Decline",
    "Enrolment",
    "Explanation",
    "FrozenDesign",
    "Item",
    "Job",
    "Lab",
    "Link",
    "Membership",
    "Output",
    "PanelIdentity",
    "Participant",
    "Perturbation",
    "Predictor",
    "Report",
    "Response",
    "Role",
    "Seal",
    "SignInLink",
    "Stage",
    "Stratum",
    "Study",
    "StudyItem",
    "User",
]
