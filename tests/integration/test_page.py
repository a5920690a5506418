"""The page for browsers: what is built is what the source says, small, and works in a real Chromium."""
import gzip
import os
import subprocess
import urllib.request

from conftest import ROOT, Demo

NODE = ROOT / ".deps" / "nodejs" / "bin" / "node"
DIST = ROOT / "web" / "dist"
SIZE_MAX = 60_000


def built(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_built_is_what_the_source_says(tmp_path):
    subprocess.run([ROOT / "tools" / "web.sh", tmp_path / "dist"], check=True, timeout=120)
    assert built(tmp_path / "dist") == built(DIST), "web/src was changed without `make web`"


def test_the_page_is_small():
    assert sum(len(gzip.compress(data)) for data in built(DIST).values()) <= SIZE_MAX


def test_a_file_is_sent_again_only_when_it_changed(demo):
    with urllib.request.urlopen(f"{demo.url}/assets/app.js") as answer:
        tag, data = answer.headers["ETag"], answer.read()
    assert data == (DIST / "assets" / "app.js").read_bytes()
    try:
        urllib.request.urlopen(urllib.request.Request(f"{demo.url}/assets/app.js", headers={"If-None-Match": tag}))
    except urllib.error.HTTPError as answer:
        assert answer.code == 304
    else:
        raise AssertionError("it came again")


def test_the_page_in_a_browser(tmp_path):
    demo = Demo(tmp_path / "demo", default="closed")
    try:
        command = [NODE, "--test", "--test-reporter=spec", ROOT / "tests" / "e2e" / "page.test.mjs"]
        environment = {**os.environ, **demo.environment, "NODE_MODULES": str(ROOT / ".deps" / "web" / "node_modules")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    finally:
        demo.stop()
