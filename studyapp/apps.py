"""The Django application."""

from django.apps import AppConfig


class StudyappConfig(AppConfig):
    name = "studyapp"
    verbose_name = "Foretell"
    default_auto_field = "django.db.models.BigAutoField"
