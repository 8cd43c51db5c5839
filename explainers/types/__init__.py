"""What crosses the border of this package. No torch and no numpy, so that the web server can read it.

Every class is a frozen dataclass with `to_json` and `from_json`; `from_json(to_json(x)) == x` holds exactly
(floats are written with `repr` precision by the json module).
"""

from explainers.types.answers import (
    Candidate,
    ExplainerSpec,
    Explanation,
    ItemRequest,
    Output,
    Perturbed,
)
from explainers.types.beside import (
    Clause,
    ConceptName,
    Example,
    Examples,
    FeatureCard,
    FeatureCards,
    FormulaCard,
    Formulas,
    Joint,
    Prototype,
    Prototypes,
    Snippet,
    Step,
    Strip,
)
from explainers.types.forms import (
    Composite,
    Form,
    Part,
    SingleForm,
    form_from_json,
)
from explainers.types.inputs import (
    ImageInput,
    Input,
    TabularInput,
    TextInput,
    as_inputs,
    input_from_json,
)
from explainers.types.names import (
    FormName,
    Json,
    Modality,
)
from explainers.types.weights import (
    CaptionMatch,
    Concept,
    Concepts,
    FeatureWeight,
    FeatureWeights,
    Heatmap,
    Rule,
    RulePart,
    TokenWeights,
)

__all__ = [
    "Candidate",
    "CaptionMatch",
    "Clause",
    "Composite",
    "Concept",
    "ConceptName",
    "Concepts",
    "Example",
    "Examples",
    "ExplainerSpec",
    "Explanation",
    "FeatureCard",
    "FeatureCards",
    "FeatureWeight",
    "FeatureWeights",
    "Form",
    "FormName",
    "FormulaCard",
    "Formulas",
    "Heatmap",
    "ImageInput",
    "Input",
    "ItemRequest",
    "Joint",
    "Json",
    "Modality",
    "Output",
    "Part",
    "Perturbed",
    "Prototype",
    "Prototypes",
    "Rule",
    "RulePart",
    "SingleForm",
    "Snippet",
    "Step",
    "Strip",
    "TabularInput",
    "TextInput",
    "TokenWeights",
    "as_inputs",
    "form_from_json",
    "input_from_json",
]
