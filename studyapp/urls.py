"""Every address of Foretell. The views behind them declare who may (views/doors.py)."""

from django.urls import include, path

urlpatterns = [
    path("", include("studyapp.views.participant_urls")),
    path("", include("studyapp.views.console_urls")),
]

handler400 = "studyapp.views.errors.bad_request"
handler403 = "studyapp.views.errors.permission_denied"
handler404 = "studyapp.views.errors.page_not_found"
handler500 = "studyapp.views.errors.server_error"
