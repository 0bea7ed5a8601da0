# The relay in an image: built from this checkout, run by nobody in particular, on a root that may be read-only.
#
#   docker build --tag realtime-relay .
#   docker run --rm --read-only --cap-drop ALL --publish 8080:8080 --stop-timeout 1900 \
#     --env OPENAI_API_KEY --env RELAY_KEY_PEPPER \
#     --volume "$PWD/relay.toml:/etc/relay/relay.toml:ro" realtime-relay
#
# --stop-timeout has to outlast `drain_seconds` and `drain_spread_seconds` of the configuration, or the engine
# kills the sessions that the relay is still letting end. The operator's port answers on the loopback of the
# container unless `host` in [ops] says "0.0.0.0".
#
# 3.13 is the newest Python for which every pinned dependency has a wheel on amd64 and arm64 alike; for a build
# that can be repeated, name the base by digest: --build-arg PYTHON=python@sha256:...
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
# The tools that build stay in this stage; what the relay runs on goes into an environment without pip.
# Both come as wheels held to their hashes: nothing is compiled, and no setup script runs.
RUN python -m venv /build
RUN /build/bin/python -m pip install --require-hashes --only-binary=:all: -r requirements/build.txt
RUN python -m venv --without-pip /opt/relay
RUN /build/bin/python -m pip --python /opt/relay/bin/python install --require-hashes --only-binary=:all: -r requirements/run.txt
# Last, so that a change of the source does not install the dependencies again.
COPY pyproject.toml README.md LICENSE ./
COPY relay relay
RUN /build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .
RUN /build/bin/python -m pip --python /opt/relay/bin/python install --no-deps --no-index --find-links /wheels realtime-relay

FROM ${PYTHON}
LABEL org.opencontainers.image.title="realtime-relay" \
      org.opencontainers.image.description="A multi-tenant WebSocket relay in front of the OpenAI Realtime API." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/relay /opt/relay
# Bytecode was compiled when the wheels were installed; at run time nothing is written anywhere.
ENV PATH=/opt/relay/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /
# By number, so that an orchestrator can tell that it is not root; 65532 is the "nonroot" of distroless images.
USER 65532:65532
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# Python asks, since the image has no curl. A configuration that moves the operator's port needs a check of its own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8081, timeout=2); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["relay"]
CMD ["serve", "--config", "/etc/relay/relay.toml"]
