"""The Django application."""

from django.apps import AppConfig


class StudyappConfig(AppConfig):
    name = "studyapp"
    verbose_name = "Foretell"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from studyapp import checks  # noqa: F401  (registers them)
        from studyapp.views import sessions  # noqa: F401  (listens to who signs in)
