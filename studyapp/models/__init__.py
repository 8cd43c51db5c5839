"""Tables, their constraints, and reading. Writes are in `actions`."""

from studyapp.models.accounts import (
    ConsoleSession,
    GuessLimit,
    Invitation,
    Lab,
    Membership,
    Role,
    SignInLink,
    User,
)
from studyapp.models.audit import AuditEntry, AuditHead
from studyapp.models.blinding import UnblindingAnswer, UnblindingRequest
from studyapp.models.explanations import ArmExplanation, Explanation
from studyapp.models.heartbeat import Heartbeat
from studyapp.models.imports import ExplanationUpload, UploadedExplanation
from studyapp.models.jobs import Job
from studyapp.models.looks import InterimLook
from studyapp.models.material import Dataset, Item, Output, Perturbation, Predictor
from studyapp.models.measures import ArmMeasures
from studyapp.models.participants import (
    Assignment,
    Consent,
    ConsentText,
    Decline,
    Enrolment,
    PanelIdentity,
    Participant,
    Response,
    Stratum,
)
from studyapp.models.power import PowerRun
from studyapp.models.quality import ArrivalKeys, Evidence, QualityCheck
from studyapp.models.reports import Report
from studyapp.models.studies import FrozenDesign, Link, Seal, Stage, Study, StudyItem

__all__ = [
    "ArmExplanation",
    "ArmMeasures",
    "ArrivalKeys",
    "Assignment",
    "AuditEntry",
    "AuditHead",
    "Consent",
    "ConsentText",
    "ConsoleSession",
    "Dataset",
    "Decline",
    "Enrolment",
    "Evidence",
    "Explanation",
    "ExplanationUpload",
    "FrozenDesign",
    "GuessLimit",
    "Heartbeat",
    "InterimLook",
    "Invitation",
    "Item",
    "Job",
    "Lab",
    "Link",
    "Membership",
    "Output",
    "PanelIdentity",
    "Participant",
    "Perturbation",
    "PowerRun",
    "Predictor",
    "QualityCheck",
    "Report",
    "Response",
    "Role",
    "Seal",
    "SignInLink",
    "Stage",
    "Stratum",
    "Study",
    "StudyItem",
    "UnblindingAnswer",
    "UnblindingRequest",
    "UploadedExplanation",
    "User",
]
