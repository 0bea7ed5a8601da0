#!/bin/sh
# Pin what the Node and browser rows install, by hash, without naming where it came from: a package.json of
# exact versions -> a package-lock.json. A new version is a change of a package.json, and of its row in
# node_rows.py.
set -eu
cd "$(dirname "$0")/.."
for folder in node/openai-7 node/openai-6 node/agents-realtime node/openai-realtime-api browser; do
    rm -f "$folder/package-lock.json"
    (
        cd "$folder"
        npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts \
            --no-audit --no-fund --loglevel=error
        # Whom to fund is no part of a pin, and the only addresses left.
        node -e '
            const { readFileSync, writeFileSync } = require("node:fs");
            const lock = JSON.parse(readFileSync("package-lock.json"));
            for (const pin of Object.values(lock.packages)) delete pin.funding;
            writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
        '
    )
done
