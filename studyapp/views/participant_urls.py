"""The participant's addresses. None names an arm, a position or a person."""

from django.urls import path

from studyapp.views import health, metrics, participant, participant_offline, participant_rights

urlpatterns = [
    path("join/<str:token>/", participant.join, name="join"),
    path("declined/", participant.declined, name="declined"),
    path("run/<uuid:public_id>/", participant.run, name="run"),
    path("run/<uuid:public_id>/withdraw/", participant_rights.withdraw, name="withdraw"),
    path("run/<uuid:public_id>/ahead/", participant_offline.ahead, name="ahead"),
    path("run/<uuid:public_id>/offline/", participant_offline.offline, name="offline"),
    path("run/<uuid:public_id>/worker.js", participant_offline.worker, name="run_worker"),
    path("run/<uuid:public_id>/consent/", participant_rights.consent_anew, name="consent_again"),
    path("run/<uuid:public_id>/your-data/", participant_rights.own_data, name="own_data"),
    path("run/<uuid:public_id>/your-data/my-data.json", participant_rights.own_data_file, name="own_data_file"),
    path("run/<uuid:public_id>/your-data/my-code.txt", participant_rights.own_code, name="own_code"),
    path("run/<uuid:public_id>/your-data/erase/", participant_rights.erase, name="erase"),
    path("your-data/", participant_rights.find, name="find_data"),
    path("your-data/erased/", participant_rights.erased, name="erased"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
