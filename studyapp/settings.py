"""Settings, read from the environment through typed readers. Unsafe combinations are system checks (checks.py)."""

from __future__ import annotations

import json
import os
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu.entity import Exchange, Queue

from studyapp import logs

BASE_DIR = Path(__file__).resolve().parent.parent


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no"}:
        raise ImproperlyConfigured(f"{name}: {value!r} is neither 1 nor 0")
    return value in {"1", "true", "yes"}


def number(name: str, default: float) -> float:
    try:
        value = float(text(name, str(default)))
    except ValueError:
        value = -1
    if not 0 < value < 10_000:
        raise ImproperlyConfigured(f"{name}: {text(name)!r} is not a number above 0")
    return value


def names(name: str, default: str) -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


DATA_DIR = Path(text("FORETELL_DATA", str(BASE_DIR / ".foretell"))).absolute()


def embedded_address(key: str) -> str:
    """Where the embedded servers listen, as their start wrote it down; empty when they never started."""
    try:
        return str(json.loads((DATA_DIR / "services.json").read_text())[key])
    except (OSError, ValueError, KeyError):
        return ""


def local_secret() -> str:
    """A secret of this data folder's own, made at the first start and readable by its owner alone."""
    path = DATA_DIR / "secret_key"
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was first
            return path.read_text()
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        return path.read_text()


# The application's role, which owns nothing, and the role that owns the tables and migrates.
DATABASE_URL = text("DATABASE_URL") or embedded_address("app_url")
DATABASE_OWNER_URL = text("DATABASE_OWNER_URL") or ("" if text("DATABASE_URL") else embedded_address("database_url"))
REDIS_URL = text("REDIS_URL") or embedded_address("redis_url")
DEBUG = flag("FORETELL_DEBUG")
SECRET_KEY_IS_LOCAL = not text("FORETELL_SECRET_KEY")
SECRET_KEY = text("FORETELL_SECRET_KEY") or local_secret()
# Keys of before: what was signed or sealed under them still opens (`manage.py reseal` lets the last one go).
SECRET_KEY_FALLBACKS = names("FORETELL_SECRET_KEY_FALLBACKS", "")
ALLOWED_HOSTS = names("FORETELL_HOSTS", "localhost,127.0.0.1,[::1]")
HTTPS = flag("FORETELL_HTTPS")
ALLOW_HTTP = flag("FORETELL_ALLOW_HTTP")
METRICS_TOKEN = text("FORETELL_METRICS_TOKEN")
BASE_URL = text("FORETELL_BASE_URL", "http://127.0.0.1:8000").rstrip("/")


def database(url: str) -> dict[str, object]:
    """Django's connection settings from `postgresql://user:password@host:port/name?host=/socket/folder`."""
    if not url:
        return {"ENGINE": "django.db.backends.postgresql", "NAME": "foretell"}
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"DATABASE_URL: {parts.scheme!r} is not postgresql; Foretell has one database everywhere"
        )
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "foretell",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # A response is acknowledged only when it is on the disk, whatever the server's own default says.
        "OPTIONS": {"options": "-c synchronous_commit=on", **query},
    }


def mail_server(url: str) -> dict[str, object]:
    """Django's settings from `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465` (TLS from the start)."""
    if not url:  # messages are printed where the worker prints
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ImproperlyConfigured("FORETELL_EMAIL_URL: expected smtp://user:password@host:587 or smtps://…@host:465")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and "plain" not in parts.query,
        "EMAIL_TIMEOUT": 10,
    }


SENDS_MAIL = bool(text("FORETELL_EMAIL_URL"))
globals().update(mail_server(text("FORETELL_EMAIL_URL")))
DEFAULT_FROM_EMAIL = text("FORETELL_EMAIL_FROM") or "Foretell <foretell@localhost>"

DATABASES = {"default": database(DATABASE_URL)}
# No cache is shared: Django's pickle what they keep, and nothing here needs one (limits: actions/guessing.py).
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "studyapp.apps.StudyappConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]
# There is no admin site. It would be a way around labs, freezing and blindness, and each of its pages would have to be
# proved harmless; what an operator needs are commands (`manage.py help`), which need a shell on the server.

MIDDLEWARE = [
    "studyapp.views.telemetry.TelemetryMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "studyapp.views.limits.LimitsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "studyapp.views.sessions.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "studyapp.views.doors.DoorsMiddleware",
]

ROOT_URLCONF = "studyapp.urls"
WSGI_APPLICATION = "studyapp.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTH_USER_MODEL = "studyapp.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "studies"
LOGOUT_REDIRECT_URL = "sign_in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 2 * 3600

# Accounts are allauth's, with our pages (views/console/accounts.py), our limits on guessing instead of its own, which
# live in a cache, and nobody signing up: accounts come from invitations and from `manage.py create_lab`.
ACCOUNT_ADAPTER = "studyapp.views.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation has reached the address before there is an account
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_RATE_LIMITS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "login": "studyapp.forms.accounts.SignInForm",
    "reset_password": "studyapp.forms.accounts.ForgottenPasswordForm",
    "reset_password_from_key": "studyapp.forms.accounts.NewPasswordForm",
    "change_password": "studyapp.forms.accounts.ChangePasswordForm",
    "set_password": "studyapp.forms.accounts.SetPasswordForm",
    "reauthenticate": "studyapp.forms.accounts.ConfirmByPasswordForm",
}
MFA_ADAPTER = "studyapp.views.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_REAUTHENTICATION_REQUIRED = False  # the doors ask (views/doors.py), and keep no copy of the request meanwhile
MFA_FORMS = {
    "authenticate": "studyapp.forms.accounts.SecondFactorForm",
    "reauthenticate": "studyapp.forms.accounts.ConfirmByCodeForm",
    "activate_totp": "studyapp.forms.accounts.ActivateAppForm",
}
# Owners need a second factor wherever others can reach the site.
REQUIRE_MFA = flag("FORETELL_REQUIRE_MFA", default=not set(ALLOWED_HOSTS) <= {"localhost", "127.0.0.1", "[::1]"})
CONFIRM_EVERY = timedelta(minutes=15)  # what matters asks again who it is, after so long
SESSION_IDLE = timedelta(hours=number("FORETELL_SESSION_IDLE_HOURS", 8))
SESSION_LIFE = timedelta(days=number("FORETELL_SESSION_DAYS", 7))
SESSION_COOKIE_AGE = int(SESSION_LIFE.total_seconds())
# Sessions live in the database: there is no shared cache, so nothing can be unpickled from one.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "studyapp.views.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = flag("FORETELL_BEHIND_PROXY")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],  # a run's service worker, for a reload without network
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# A participant's answer is small; a design pasted as JSON is the largest thing a form carries. The size of a whole body
# is limited by door (views/limits.py); an upload stays in memory, so that no request can fill a disk.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_300_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000  # twelve arms have about 600
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "studyapp" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if (STATIC_ROOT / "staticfiles.json").exists() and not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").exists()

CELERY_BROKER_URL = REDIS_URL
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_EVENT_SERIALIZER = "json"
CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # exactly once is the job row's business, not the broker's
CELERY_TASK_DEFAULT_QUEUE = "analysis"
# A message is a doorbell and is never acknowledged: a worker with acknowledgements open when the broker dies would
# wait for them for ever and hear no bell again. It fetches no more than it works at, so that others hear the rest.
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name, no_ack=True) for name in ("explain", "analysis")]  # type: ignore[no-untyped-call]
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a broker that is away for a day is no reason to give up
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "visibility_timeout": 3600}
CELERY_TASK_SOFT_TIME_LIMIT = 1740
CELERY_TASK_TIME_LIMIT = 1800

# How many rows with gradients a worker keeps at once, at least 64: it bounds memory and changes no result.
EXPLAIN_ROWS = int(number("FORETELL_EXPLAIN_ROWS", 4096))

# A job's lease: how long a worker may be silent before another takes its job, and how often a worker renews it.
JOB_LEASE_S = 30
JOB_RENEW_S = 10
JOB_SWEEP_S = 15
JOB_MAX_ATTEMPTS = 3

LOGGING = logs.from_environment()
