"""Every address of Foretell. The views behind them declare who may (views/doors.py)."""

from django.urls import include, path

urlpatterns = [
    path("", include("studyapp.views.participant_urls")),
    path("", include("studyapp.views.console_urls")),
]
