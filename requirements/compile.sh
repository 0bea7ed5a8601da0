#!/bin/sh
# Pin what pyproject.toml asks for, for every platform, by hash, without naming where it came from.
set -eu
compile() {
    uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
        --python-version 3.11 "$@"
}
compile pyproject.toml -o requirements/run.txt
compile --group build -o requirements/build.txt
compile pyproject.toml --group dev -o requirements/dev.txt
