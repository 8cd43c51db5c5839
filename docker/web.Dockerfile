# The web server, the relay and the migrations: everything that needs no torch. Build from the repository's root:
#   docker build -f docker/web.Dockerfile -t foretell-web .
FROM python:3.11.14-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# Dependencies alone first: a change of the code does not install them again.
COPY pyproject.toml constraints.txt docker/requirements.py /app/
RUN python requirements.py > /tmp/requirements.txt \
    && pip install --requirement /tmp/requirements.txt --constraint constraints.txt \
    && rm /tmp/requirements.txt

COPY . /app
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin foretell \
    && install --directory --owner=foretell --group=foretell --mode=0700 /data /backups \
    && FORETELL_SECRET_KEY=only-while-building FORETELL_DATA=/tmp/data python manage.py collectstatic --noinput \
    && rm -rf /tmp/data

USER 10001:10001
ENV FORETELL_DATA=/data
VOLUME /data /backups
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "docker/healthcheck.py"]
CMD ["gunicorn", "studyapp.wsgi:application", "-c", "docker/gunicorn.conf.py"]
