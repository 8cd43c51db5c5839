"""The web server's entry point."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")

application = get_wsgi_application()

from studyapp.checks import refuse_unsafe_start  # noqa: E402  (needs the settings)

refuse_unsafe_start()

# Every page's code, else each process reads it while its first visitor waits.
import_module(settings.ROOT_URLCONF)
