"""dbt with its own Trino adapter, as it is: a project of three models and a seed, built into the lake."""
import os
import shutil
import subprocess
import urllib.parse

import pytest

PROJECT = "tests/integration/dbt"
MODELS = 3
TESTS = 7
SEEDS = 1


class Project:
    def __init__(self, root, demo, folder):
        address = urllib.parse.urlsplit(demo.url)
        self.program = root / ".deps" / "dbt" / "bin" / "dbt"
        self.folder = folder / "project"
        shutil.copytree(root / PROJECT, self.folder)
        self.environment = {**os.environ, "TOWNLAKE_HOST": address.hostname, "TOWNLAKE_PORT": str(address.port), "HOME": str(folder),
                            "DBT_PROFILES_DIR": str(self.folder), "DO_NOT_TRACK": "1"}

    def run(self, *arguments):
        done = subprocess.run([str(self.program), "--no-use-colors", *arguments], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def project(root, demo, tmp_path_factory):
    yield Project(root, demo, tmp_path_factory.mktemp("dbt"))
    demo.lake().run("DROP SCHEMA IF EXISTS lake.analytics CASCADE")


def test_dbt_connects(project):
    assert "All checks passed!" in project.run("debug")


PAYING = "SELECT CAST(sum(accounts) AS BIGINT) FROM lake.analytics.accounts_per_plan"


def test_dbt_runs_and_tests_models_anew_and_over_what_is_there(project, lake):
    assert f"PASS={MODELS} " in project.run("run")
    first = lake.value(PAYING)
    assert first == lake.value("SELECT count(*) FROM lake.dim.accounts WHERE NOT is_internal")
    assert f"PASS={TESTS} " in project.run("test")
    assert f"PASS={MODELS} " in project.run("run"), "tables that exist are renamed, replaced and filled on"
    assert lake.value(PAYING) == first
    assert sorted(lake.rows("SHOW TABLES FROM lake.analytics")) == [["accounts_per_plan"], ["customers_seen"], ["paying_accounts"]]


def test_dbt_builds_all_at_once_and_writes_its_catalog(project, lake):
    assert f"PASS={MODELS + TESTS + SEEDS} " in project.run("build", "--full-refresh")
    assert lake.rows("SELECT plan, price, since, active FROM lake.analytics.plans ORDER BY plan")[0] == ["business", 250.0, None, False]
    assert "Catalog written" in project.run("docs", "generate")
