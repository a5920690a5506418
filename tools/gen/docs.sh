#!/usr/bin/env bash
# Write docs/reference from spec/.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p docs/reference
for pair in errors:errors.md config:configuration.md commands:cli.md session:session-properties.md functions:functions.md dialect:dialect.md; do
    python3 "tools/gen/${pair%%:*}.py" "spec/${pair%%:*}.toml" docs "docs/reference/${pair#*:}"
done
python3 tools/gen/tools.py spec/tools.toml docs docs/reference/tools.md
python3 tools/gen/tools.py spec/tools.toml typescript docs/reference/skipper.d.ts
python3 tools/gen/api.py spec/api.toml openapi docs/reference/openapi.json
python3 tools/gen/detectors.py spec/detectors.toml src/detectors/secrets.toml docs docs/reference/infotypes.md
