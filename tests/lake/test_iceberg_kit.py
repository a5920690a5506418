"""Apache Iceberg's own tests of a REST catalog (iceberg-core 1.10: CatalogTests and ViewCatalogTests), run against our server.

What does not pass is listed here one by one, with the reason; a test that begins to pass must leave the list.
"""
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree

import pytest
import requests

from engines import CONFIGURATION, TOKENS
from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
KIT, JARS = ROOT / "tests" / "lake" / "kit", ROOT / ".deps" / "kit"
ONE_SPELLING = "a location is given back in our spelling, file:///x, where the test says file:/x"
KNOWN = {
    "TablesTest": {
        "createTableTransaction": "format version 1: tables are made in 2 or 3",
        "replaceTableTransaction": "format version 1: tables are made in 2 or 3",
        "testCompleteCreateOrReplaceTransactionReplace": "a table that exists cannot move to another location",
        "testCompleteReplaceTransaction": "a table that exists cannot move to another location",
    },
    "ViewsTest": {
        "completeCreateView": ONE_SPELLING,
        "createAndReplaceViewWithLocation": ONE_SPELLING,
        "createViewWithCustomMetadataLocation": "write.metadata.path is not followed",
        "updateViewLocation": ONE_SPELLING,
    },
}


def java_home():
    """A JDK from 17 to 23: Hadoop's client does not run on newer ones."""
    for home in sorted(pathlib.Path("/usr/lib/jvm").glob("*")):
        release = home / "release"
        version = re.search(r'JAVA_VERSION="(\d+)', release.read_text()) if release.exists() else None
        if version and 17 <= int(version.group(1)) <= 23 and (home / "bin" / "javac").exists():
            return home
    raise AssertionError("no JDK of 17 to 23 in /usr/lib/jvm")


@pytest.fixture(scope="module")
def reports(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    server = Server(program, folder / "server", CONFIGURATION, environment={
        "TOWNLAKE_LAKE_ENABLED": "true", "TOWNLAKE_LAKE_UNDROP": "0s", "ROOT_TOKEN": TOKENS["root"], "ENGINE_TOKEN": TOKENS["engine"]})
    try:
        answer = requests.post(f"{server.url}/api/v1/lifeguard/grants", headers={"Authorization": f"Bearer {TOKENS['root']}"}, timeout=30,
                               json={"group": "engines", "privileges": "raw, own", "scope": {"source": "lake"}, "duration": "1d", "reason": "test"})
        assert answer.status_code in (200, 201), answer.text
        yield run(server, folder)
    finally:
        server.stop()


def run(server, folder):
    home, classes = java_home(), folder / "classes"
    jars = os.pathsep.join(str(jar) for jar in sorted(JARS.glob("*.jar")))
    assert jars, "no jars in .deps/kit: run `make deps-lake`"
    warehouse = server.folder / "state" / "warehouse"
    environment = {**os.environ, "JAVA_HOME": str(home)}
    subprocess.run([str(home / "bin" / "javac"), "-cp", jars, "-d", str(classes), *map(str, KIT.glob("*.java"))], check=True, env=environment, timeout=120)
    command = [str(home / "bin" / "java"), f"-Djava.io.tmpdir={warehouse}", f"-Dtownlake.uri={server.url}/iceberg", f"-Dtownlake.token={TOKENS['engine']}",
               f"-Dtownlake.warehouse=file://{warehouse}", "-cp", f"{classes}{os.pathsep}{jars}", "org.junit.platform.console.ConsoleLauncher", "execute",
               "--select-package=townlake", "--details=none", f"--reports-dir={folder / 'reports'}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900, check=False)
    report = folder / "reports" / "TEST-junit-jupiter.xml"
    assert report.exists(), done.stdout + done.stderr
    shutil.copy(report, server.folder)
    return xml.etree.ElementTree.parse(report).getroot().findall("testcase")


@pytest.mark.parametrize("suite", KNOWN)
def test_apache_icebergs_own_tests_pass(reports, suite):
    cases = [case for case in reports if case.get("classname").endswith(suite)]
    failed = {re.match(r"\w+", case.get("name")).group(): ((case.find("failure") if case.find("failure") is not None else case.find("error")).text or "")[:300]
              for case in cases if case.find("failure") is not None or case.find("error") is not None}
    assert len(cases) >= {"TablesTest": 90, "ViewsTest": 40}[suite], len(cases)
    assert set(failed) == set(KNOWN[suite]), {name: text for name, text in failed.items() if name not in KNOWN[suite]} or "some pass now"
