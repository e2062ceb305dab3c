# PromptLedger in an image: docs/deploying.md. The same image is web, worker, migrations and the loader of prompts.
#
#   docker build --build-arg VERSION=$(make -s version) --build-arg COMMIT=$(git rev-parse HEAD) -t promptledger .
#
# EXTRAS names further locks of requirements/, for example EXTRAS="anthropic telemetry".
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG EXTRAS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /srv/promptledger
COPY requirements/ requirements/
# Hashes checked, wheels only, nothing that the locks do not name. What runs has no pip.
RUN python -m venv /opt/venv && \
    for name in base ${EXTRAS}; do \
        /opt/venv/bin/python -m pip install --require-hashes --only-binary :all: -r "requirements/${name}.lock" || exit 1; \
    done && \
    /opt/venv/bin/python -m pip uninstall --yes pip
COPY . .
# Static files are gathered once, here; the key is for this step only and signs nothing.
RUN SECRET_KEY=gathers-static-files PROMPTLEDGER_DATA_DIR=/srv/promptledger/var \
        /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0 && \
    /opt/venv/bin/python -m compileall -q . && \
    rm -rf requirements

FROM ${PYTHON_IMAGE}
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="PromptLedger" \
      org.opencontainers.image.description="The ledger for the prompts that AI agents run on" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PROMPTLEDGER_DATA_DIR=/srv/promptledger/var PROMPTLEDGER_COMMIT=${COMMIT}
WORKDIR /srv/promptledger
RUN groupadd --system --gid 10001 promptledger && \
    useradd --system --uid 10001 --gid promptledger --no-create-home --home-dir /nonexistent promptledger
# Owned by root: the process can change nothing of itself.
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/promptledger /srv/promptledger
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "deploy/image/healthcheck.py"]
ENTRYPOINT ["python", "deploy/image/start.py"]
CMD ["web"]
