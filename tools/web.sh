#!/usr/bin/env bash
# Check and build the page for browsers.
#
# usage: web.sh [FOLDER]   FOLDER: where to, default web/dist, which the program is built from (a build of the program needs no Node)
set -euo pipefail
cd "$(dirname "$0")/../web"
into=$(realpath -m "${1:-dist}")
deps=$(realpath ../.deps)
ln -sfn "$deps/web/node_modules" node_modules
node=$deps/nodejs/bin/node
"$node" node_modules/typescript/bin/tsc -p .
"$node" node_modules/vite/bin/vite.js build --logLevel warn --outDir "$into" --emptyOutDir
