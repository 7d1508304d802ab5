# The exporter for production: what it measures with, and nothing that builds, tests or installs anything.
# A tag says what the base is, the digest (of the index of all platforms) which one exactly. `docker buildx imagetools inspect
# python:3.13.16-slim-trixie` prints it; Dependabot raises both.
FROM python:3.13.16-slim-trixie@sha256:70729b46c69b4f1e97c4822c1af3df53a1476cf5ddc6c087c0c10bc3a5678c2f AS base


FROM base AS wheel
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements-build.lock ./
RUN python -m pip install --only-binary :all: --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY exporter ./exporter
COPY dashboards ./dashboards
COPY alerts ./alerts
RUN python -m hatchling build --target wheel --directory /wheel


# Dependencies and the exporter lie in folders of their own, so that a release replaces only the small layer of the two.
# Bytecode is compiled here, since nothing can be written later; its validity does not hang on times of files.
FROM base AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements-image.lock ./
RUN python -m pip install --no-compile --only-binary :all: --require-hashes --target /opt/exporter/packages -r requirements-image.lock \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/exporter/packages
COPY --from=wheel /wheel /wheel
RUN python -m pip install --no-compile --no-deps --no-index --target /opt/exporter/app /wheel/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/exporter/app


FROM base
LABEL org.opencontainers.image.title="pubsub-bigquery-exporter" \
      org.opencontainers.image.description="Measures Pub/Sub to BigQuery pipelines end to end" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN python -m pip uninstall --yes pip \
 && rm -rf /usr/local/lib/python3.*/ensurepip
COPY --from=packages /opt/exporter/packages /opt/exporter/packages
COPY --from=packages /opt/exporter/app /opt/exporter/app
ENV PYTHONPATH=/opt/exporter/app:/opt/exporter/packages \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8080
WORKDIR /
# A number: Kubernetes cannot tell that a name is not root's.
USER 65532:65532
EXPOSE 8080
# The exporter handles SIGTERM as process 1, and starts no other processes: it needs no init.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client, os; asked = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); asked.request('GET', '/healthz'); raise SystemExit(asked.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "exporter"]
CMD ["serve", "-c", "/etc/exporter/systems.yaml"]
