"""Settings, one file, from the environment. `accounts/checks.py` says what can be wrong with them."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from common import logs, secrets
from common.destinations import parse_internal
from promptledger import provider_settings
from promptledger.secret_key import read_or_make

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# Local mode: what `make run` starts. One person on one machine, signed in at once, loopback only (SPEC 10).
LOCAL_MODE = env.bool("PROMPTLEDGER_LOCAL", default=False)
DATA_DIR = Path(env.str("PROMPTLEDGER_DATA_DIR", default=str(BASE_DIR / "var"))).expanduser()
DATA_DIR.mkdir(parents=True, exist_ok=True)

SECRET_KEY = env.str("SECRET_KEY", default="") or read_or_make(DATA_DIR / "secret_key")
# What provider keys are encrypted under (docs/adr/0015); on one's own machine it is kept beside the data.
ENCRYPTION_KEYS = secrets.read_keys(
    env.list("PROMPTLEDGER_ENCRYPTION_KEY", default=[])
    or ([read_or_make(DATA_DIR / "encryption_key")] if LOCAL_MODE else [])
)
DEBUG = False
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = LOOPBACK_HOSTS if LOCAL_MODE else env.list("ALLOWED_HOSTS", default=LOOPBACK_HOSTS)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "promptledger.apps.PromptLedgerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "promptledger.apps.PromptLedgerConfig",
    "repository",
    "evaluations",
    "executions",
    "versions",
    "agents",
    "accounts",
    "ledger",
    "common",
]

MIDDLEWARE = [
    "common.middleware.Correlated",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.middleware.NoStore",
    "common.middleware.RefuseOddPaths",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.LocalMode",
    "accounts.middleware.SignInFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "common.middleware.ShowRefusals",
]

ROOT_URLCONF = "promptledger.urls"
WSGI_APPLICATION = "promptledger.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "promptledger.context.site",
            ],
        },
    },
]


# Database. SQLite beside the data by default; a team sets DATABASE_URL to PostgreSQL.
SQLITE_OPTIONS = {
    # Every write takes the write lock at its start: with the default, 263 of 400 promotions were lost to
    # "database is locked" (docs/adr). recursive_triggers closes INSERT OR REPLACE around the guards.
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON; PRAGMA cache_size=-16000;"
    ),
}


def database() -> dict:
    """The DATABASES entry that DATABASE_URL asks for."""
    # An empty one is none: compose files and workflows pass on variables that nobody set.
    url = env.str("DATABASE_URL", default="") or f"sqlite:///{DATA_DIR / 'promptledger.sqlite3'}"
    config = env.db_url_config(url)
    if "ENGINE" not in config:
        raise ImproperlyConfigured(
            "DATABASE_URL is no address of a database: postgresql://user:password@host:5432/name"
        )
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = SQLITE_OPTIONS
        # A file, not memory: the tests run on what people run on.
        config["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    else:
        config["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
        config["CONN_HEALTH_CHECKS"] = True
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/login/"
# Attempts are counted in the database (accounts/adapter.py), exactly and for all processes together.
ACCOUNT_RATE_LIMITS = False
ACCOUNT_FORMS = {"change_password": "accounts.counted_forms.NewPassword"}
MFA_FORMS = {
    "authenticate": "accounts.counted_forms.SecondFactor",
    "reauthenticate": "accounts.counted_forms.SecondFactorAgain",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "PromptLedger"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

# Transport. HTTPS is taken for granted outside local mode; a proxy in front ends it.
HTTPS = env.bool("PROMPTLEDGER_HTTPS", default=not LOCAL_MODE)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "promptledger_session"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "promptledger_csrf"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 7
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Pages are sent on to https; the API never redirects (SPEC 9), health checks and scrapers come from inside.
SECURE_SSL_REDIRECT = env.bool("PROMPTLEDGER_SSL_REDIRECT", default=HTTPS)
SECURE_REDIRECT_EXEMPT = [r"^v1/", r"^health", r"^metrics$"]
BEHIND_PROXY = env.bool("PROMPTLEDGER_BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Whose sign-in attempts are counted: of X-Forwarded-For only the entry that our own proxy wrote.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "manifest-src": [CSP.SELF],
}

# Sizes (SPEC 3, 5). The API's own limit of 16 MiB a body holds in common/parsing.py.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.PersonSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.MayReadOrIsAskedByView"],
    "DEFAULT_PARSER_CLASSES": ["common.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "common.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "common.handler.api_exception_handler",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "common.parsing.JSONOnly",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "PromptLedger API",
    "DESCRIPTION": "The ledger for the prompts that AI agents run on.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # With it, a link stands inside a button, which nobody can use by keyboard or ear.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "SERVE_PERMISSIONS": ["accounts.permissions.MayReadOrIsAskedByView"],
    "SCHEMA_PATH_PREFIX": r"/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "promptledger.schema.describe_refusals",
        "promptledger.schema.add_summaries",
    ],
    "ENUM_NAME_OVERRIDES": {
        "StageEnum": "versions.stages.Stage",
        "ExecutionStatusEnum": "executions.models.Status",
        "ModeEnum": "versions.models.prompt.Mode",
        "EvaluationStatusEnum": "evaluations.models.RunStatus",
        "EnvironmentEnum": "executions.models.ENVIRONMENTS",
    },
}

# What each process keeps of what it served (versions/edge.py).
SERVING_CACHE_BYTES = env.int("PROMPTLEDGER_CACHE_MB", default=64) * 1024 * 1024

# What the Test button runs: versions lies below executions, so it asks by name.
TEST_RUNNER = "executions.running.run_test"
# Who answers (docs/executions.md): names, and the adapters behind them by dotted path; more by PROMPTLEDGER_PROVIDERS.
PROVIDERS = {
    "offline": "executions.providers.offline.Offline",
    "openai": "executions.providers.openai.OpenAI",
    "compatible": "executions.providers.openai.Compatible",
    "anthropic": "executions.providers.anthropic.Anthropic",
    **env.dict("PROMPTLEDGER_PROVIDERS", default={}),
}
PROVIDER_ENVIRONMENT = provider_settings.read(os.environ)
PROVIDER_SECONDS = env.float("PROMPTLEDGER_PROVIDER_SECONDS", default=120.0)
# Where our own requests may go besides public addresses by https (docs/adr/0013).
OUTBOUND_PORTS = frozenset(env.list("PROMPTLEDGER_OUTBOUND_PORTS", cast=int, default=[443]))
INTERNAL_HOSTS = parse_internal(env.list("PROMPTLEDGER_INTERNAL_HOSTS", default=[]))
TEST_PROVIDER = "offline"
# Who is asked whether a draft may be deleted; each takes the version and gives a reason against it, or "".
DRAFT_USES = ["executions.running.why_in_use"]
# What is asked inside the promotion to PRD: each takes the version and gives conditions (versions/gates.py).
PROMOTION_GATES = ["evaluations.gates.conditions"]
APPROVER = "evaluations.approving.approve"
EVALUATION_POLICY = "evaluations.policy"
EVALUATOR = "evaluations.starting.press"
# How many examples of a run are answered side by side, and who is told when it ends, in that transaction.
EVALUATION_AT_ONCE = env.int("EVALUATION_AT_ONCE", default=32)
EVALUATION_FINISHED = ["evaluations.automation.evaluated"]
# How long a worker stays with one run before other work gets its turn; the run is gone on with after it.
EVALUATION_TURN_SECONDS = env.float("EVALUATION_TURN_SECONDS", default=20)
# Who is told what was done to a version, in that transaction: takes the version, what was done, and by whom.
VERSION_CHANGED = ["evaluations.automation.version_changed"]
# The same for a prompt's examples: takes the new dataset version.
EXAMPLES_CHANGED = ["evaluations.automation.examples_changed"]
# What the program may do by itself, where a prompt's policy asks for it (docs/evaluations.md); 0: nothing.
AUTOMATION = env.bool("PROMPTLEDGER_AUTOMATION", default=True)
AUTOMATION_POLL_SECONDS = env.float("AUTOMATION_POLL_SECONDS", default=30)
ROLLBACK_COOLDOWN_MINUTES = env.int("ROLLBACK_COOLDOWN_MINUTES", default=60)
ROLLBACKS_IN_A_ROW = env.int("ROLLBACKS_IN_A_ROW", default=3)
# Who else is told of an alert (evaluations/alerts.py): each takes the notice, in the transaction of its cause.
ALERT_RECEIVERS: list[str] = []

# Runs (docs/executions.md). Who is told of each that has ended, inside the transaction that ends it.
EXECUTION_FINISHED: list[str] = []
EXECUTION_ATTEMPTS = env.int("EXECUTION_ATTEMPTS", default=3)
EXECUTION_RETRY_WAITS = env.list("EXECUTION_RETRY_WAITS", cast=float, default=[5.0, 30.0, 120.0])
# How long somebody who waits for the answer may wait in all before no further attempt is begun.
EXECUTION_SYNC_SECONDS = env.float("EXECUTION_SYNC_SECONDS", default=150)
EXECUTION_LEASE_SECONDS = env.float("EXECUTION_LEASE_SECONDS", default=30)
EXECUTION_INTERRUPTIONS = env.int("EXECUTION_INTERRUPTIONS", default=10)
# Workers. With a broker (redis://… or amqp://…) Celery tells them what to do; without, they look into the table.
BROKER = env.str("PROMPTLEDGER_BROKER", default="")
BROKER_QUEUE = env.str("PROMPTLEDGER_BROKER_QUEUE", default="promptledger")
WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=8)
WORKER_PROCESSES = env.int("WORKER_PROCESSES", default=1)
WORKER_NAME = env.str("WORKER_NAME", default="")
WORKER_POLL_SECONDS = env.float("WORKER_POLL_SECONDS", default=0.5)
WORKER_GRACE_SECONDS = env.float("WORKER_GRACE_SECONDS", default=20)
# What a worker does besides executions: callables without arguments, true when they did something (executions/jobs.py).
WORKER_JOBS: list[str] = [
    "executions.analytics.folding.work",
    "evaluations.running.take_a_turn",
    "evaluations.schedule.work",
    "evaluations.windows.work",
]
TASKS = {
    "default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"},
    "executions": {"BACKEND": f"executions.messengers.{'CeleryMessenger' if BROKER else 'NoMessenger'}"},
}
# As JSON, by provider: per_minute and at_once.
PROVIDER_LIMITS = env.json("PROVIDER_LIMITS", default={})

# Languages and times
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")

# Static files, served by the web process itself.
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = LOCAL_MODE
WHITENOISE_AUTOREFRESH = False

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# Opens GET /metrics, and nothing else, to who sends it as a bearer token; without it, it takes an API key.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# Log lines (docs/telemetry.md): JSON for machines, text for the one person of local mode.
LOG_FORMAT = env.str("LOG_FORMAT", default="console" if LOCAL_MODE else "json")
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING = logs.config(as_=LOG_FORMAT, level=LOG_LEVEL, quiet=LOCAL_MODE and "LOG_LEVEL" not in os.environ)
