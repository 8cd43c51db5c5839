"""The columns of responses.csv: the one list from which reader, codebook and export are made."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["text", "integer", "number", "duration", "flag", "time"]

STAGES: Final = ("rehearsal", "preview", "pilot", "main", "top_up")
ARRIVALS: Final = ("signed", "single_use", "unverified")
SIMULATION_TYPES: Final = ("forward_simulation", "counterfactual_simulation")
TRIAL_TYPES: Final = (
    "consent",
    "background",
    "instructions",
    "comprehension_check",
    "allocation",
    "worked_example",
    *SIMULATION_TYPES,
    "scored_task",
    "rating",
    "completion",
    "withdrawal",
)


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Parameters
    ----------
    name : str
        Its header.
    kind : {"text", "integer", "number", "duration", "flag", "time"}
        How a cell is read. Integers and durations are never negative; a flag is 0 or 1; a time is ISO 8601 in UTC.
    meaning : str
        One sentence for the codebook.
    unit : str
        Empty where there is none.
    values : tuple of str
        Everything a cell may say; empty where that is open.
    required : bool
        Whether every row has it. Elsewhere an empty cell says "does not apply" or "not known".
    optional : bool
        Whether a whole table may lack it, as those do that were written before it was there.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    values: tuple[str, ...] = ()
    required: bool = False
    optional: bool = False


COLUMNS: Final = (
    Column("study_id", "text", "The study; one table holds one study.", required=True),
    Column("subject_id", "text", "The participant's pseudonym in this study.", required=True),
    Column("stage", "text", "The part of the study the participant entered.", values=STAGES, required=True),
    Column("simulated", "flag", "1 when the participant was invented by a rehearsal.", required=True),
    Column("arm", "text", "Key of the arm, on the allocation row and every row after it."),
    Column("stratum", "text", "Stratum within which the participant was allocated."),
    Column("sequence", "integer", "Place in the stratum's allocation sequence, from 0."),
    Column("permuted_block", "integer", "Permuted block of that place, from 0 in its stratum."),
    Column("block_size", "integer", "Full size drawn for that permuted block, filled or not.", unit="places"),
    Column("trial_index", "integer", "Position of the screen, from 0.", required=True),
    Column("trial_type", "text", "What the screen was.", values=TRIAL_TYPES, required=True),
    Column("phase", "text", "Key of the design's phase the screen belongs to."),
    Column("block", "text", "Key of the block of trials within the phase."),
    Column("item", "text", "Key of the model input that was shown."),
    Column("label", "text", "True class of the item."),
    Column("model_output", "text", "The predictor's class for the input asked about (the changed one, if changed)."),
    Column(
        "model_output_original", "text", "In a counterfactual trial, the predictor's class for the input unchanged."
    ),
    Column("perturbation", "text", "In a counterfactual trial, what was changed in the input."),
    Column("response", "text", "The participant's answer; in a simulation trial the class they expect of the model."),
    Column("correct", "flag", "1 when response equals model_output; empty where nothing is scored."),
    Column("rating", "number", "The participant's rating, on the design's scale."),
    Column("rt", "duration", "From the stimulus painted to the answer; empty if not known.", unit="ms"),
    Column(
        "server_ms",
        "duration",
        "From the page sent to the answer received, by the server's clock, times without network included; empty for "
        "a screen that the browser held in advance and showed while it had no network.",
        unit="ms",
    ),
    Column("time_elapsed", "duration", "From consent to the answer.", unit="ms"),
    Column(
        "answered_at",
        "time",
        "When the server stored the answer; answers given without network arrive together.",
        unit="UTC",
    ),
    Column("painted_ms", "duration", "From the page begun to the stimulus painted.", unit="ms"),
    Column("first_touch_ms", "duration", "From the stimulus painted to the first touch of a control.", unit="ms"),
    Column("chosen_ms", "duration", "From the stimulus painted to the last choice before it was sent.", unit="ms"),
    Column("changes", "integer", "How often the answer was changed before it was sent.", unit="times"),
    Column("focus_lost", "integer", "How often the page lost the focus.", unit="times"),
    Column("focus_lost_ms", "duration", "How long the page was without the focus.", unit="ms"),
    Column("pastes", "integer", "How often something was pasted.", unit="times"),
    Column("attempt", "integer", "Which attempt at this screen, where it may be repeated."),
    Column(
        "arrival",
        "text",
        "On the consent row: whether who sent the participant signed their link, or it was for one person alone.",
        values=ARRIVALS,
        optional=True,
    ),
    Column(
        "seen_before",
        "integer",
        "On the consent row: studies of the same lab that the participant had entered before.",
        unit="studies",
        optional=True,
    ),
    Column(
        "shared_browser",
        "flag",
        "On the consent row: 1 when another participant of the study came with the same browser.",
        optional=True,
    ),
    Column(
        "score",
        "number",
        "What the answer was worth, where that is a number and not right or wrong.",
        unit="points",
        optional=True,
    ),
)
