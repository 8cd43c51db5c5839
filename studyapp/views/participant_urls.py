"""The participant's addresses. None names an arm, a position or a person."""

from django.urls import path

from studyapp.views import health, participant

urlpatterns = [
    path("join/<str:token>/", participant.join, name="join"),
    path("declined/", participant.declined, name="declined"),
    path("run/<uuid:public_id>/", participant.run, name="run"),
    path("run/<uuid:public_id>/withdraw/", participant.withdraw, name="withdraw"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
