"""`python -m studyapp.design`: prints the JSON Schema of a design; docs/design.schema.json is its output."""

import json

from studyapp.design.schema import Design

if __name__ == "__main__":
    print(json.dumps(Design.model_json_schema(), indent=2))
