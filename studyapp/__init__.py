"""Runs studies: design, allocation, tasks, responses, reports. The only package that knows Django."""

from studyapp.celery import app as celery_app

__all__ = ["celery_app"]
