#!/bin/sh
# Pin the clients that the matrix tries (tests/clients), one file per environment, by hash, without naming where
# they came from. A new version is a change of its line here, and of the row in tests/clients/python_rows.py.
set -eu
compile() {
    pins="requirements/clients/$1.txt"
    shift
    printf '%s\n' "$@" | uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
        --python-version 3.11 - -o "$pins"
}
mkdir -p requirements/clients
compile openai-3 'openai[realtime]==3.54.0'
compile openai-2 'openai[realtime]==2.54.0'
compile openai-1 'openai[realtime]==1.109.1'
compile openai-agents 'openai-agents==0.24.0'
compile livekit 'livekit-plugins-openai==1.8.9'
compile pipecat 'pipecat-ai[openai]==1.14.0'
compile pydantic-ai 'pydantic-ai-slim[openai-realtime]==2.68.0'
