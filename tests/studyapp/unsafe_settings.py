"""Foretell's settings with some of them made unsafe: UNSAFE holds them as JSON."""

import json
import os

from studyapp.settings import *  # noqa: F403

globals().update(json.loads(os.environ.get("UNSAFE", "{}")))
