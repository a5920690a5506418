"""The command line as people and scripts use it."""
import json
import os
import subprocess

import pexpect
import pytest


@pytest.fixture
def cli(program, demo):
    def run(*arguments, stdin=None, token="admin", environment=None):
        variables = {**os.environ, "TOWNLAKE_URL": demo.url, "TOWNLAKE_TOKEN": demo.token(token), **(environment or {})}
        return subprocess.run([program, *arguments], capture_output=True, text=True, input=stdin, timeout=120, env=variables, check=False)

    return run


def test_output_forms(cli):
    sql = "SELECT 1 AS id, 'a,b' AS name, NULL AS nothing"
    assert cli("sql", "--output", "csv", sql).stdout == 'id,name,nothing\n1,"a,b",\n'
    assert json.loads(cli("sql", "--output", "json", sql).stdout) == [{"id": 1, "name": "a,b", "nothing": None}]
    assert cli("sql", "--output", "jsonl", sql).stdout == '{"id":1,"name":"a,b","nothing":null}\n'
    assert cli("sql", "--output", "markdown", sql).stdout.splitlines()[0] == "| id | name | nothing |"
    table = cli("sql", "--output", "table", sql).stdout
    assert "│" in table and "(1 row)" in table


def test_exit_status_tells_failure_from_wrong_usage(cli):
    assert cli("sql", "SELECT 1").returncode == 0
    failed = cli("sql", "SELECT * FROM ops.public.acounts")
    assert failed.returncode == 1 and "accounts" in failed.stderr and "^" in failed.stderr
    assert cli("sql", "--outptu", "csv", "SELECT 1").returncode == 2
    assert "--output" in cli("sql", "--outptu", "csv", "SELECT 1").stderr
    assert cli("sql", "--output", "xml", "SELECT 1").returncode == 2
    assert cli("sqll").returncode == 2 and "sql" in cli("sqll").stderr


def test_no_server_is_explained(program):
    done = subprocess.run([program, "sql", "--url", "http://127.0.0.1:9", "SELECT 1"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "townlake demo" in done.stderr


def test_wrong_token_is_explained(cli):
    done = cli("sql", "SELECT 1", environment={"TOWNLAKE_TOKEN": "wrong"})
    assert done.returncode == 1 and "token" in done.stderr and "wrong" not in done.stderr


def test_script_runs_statement_by_statement_and_keeps_the_session(cli, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text("USE ops.public;\n-- a; comment\nSELECT count(*) AS n FROM accounts;\nSELECT ';' AS semicolon")
    assert cli("sql", "--file", str(script)).stdout == "n\n250\nsemicolon\n;\n"
    assert cli("sql", stdin="SELECT 1 AS a; SELECT 2 AS b;").stdout == "a\n1\nb\n2\n"
    broken = cli("sql", stdin="SELECT 1 AS a; SELECT nope; SELECT 3 AS c")
    assert broken.returncode == 1 and broken.stdout == "a\n1\n"


def test_large_results_stream(cli):
    done = cli("sql", "--output", "csv", "SELECT range AS n FROM range(300000)")
    assert done.returncode == 0 and done.stdout.count("\n") == 300001


def test_explain_speaks_of_the_callers_names(cli):
    done = cli("explain", "SELECT plan, count(*) FROM ops.public.accounts WHERE account_id > 5 GROUP BY plan")
    assert done.returncode == 0 and "ops.public.accounts" in done.stdout
    assert "p:ops" not in done.stdout and ":ops" not in done.stdout


def test_sources_are_listed_and_tested(cli):
    listed = cli("source", "list").stdout
    assert "ops" in listed and "events" in listed and "lake" in listed and "failed" not in listed
    assert cli("source", "test", "ops").stdout.startswith("ok")
    assert "password" in cli("source", "kinds").stdout
    assert cli("source", "test", "nope").returncode == 1


def test_only_admins_change_sources(cli):
    done = cli("source", "add", "mine", "--kind", "files", "--option", "path=/tmp", token="analyst")
    assert done.returncode == 1 and "admin" in done.stderr


def test_doctor_finds_all_well(cli):
    done = cli("doctor")
    assert done.returncode == 0, done.stdout
    assert "server" in done.stdout and "source ops" in done.stdout and "bad" not in done.stdout


def test_doctor_says_what_is_wrong(program, tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text("listen: {prot: 80}\n")
    done = subprocess.run([program, "doctor", "--config", str(config)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "port" in done.stdout


def test_config_check_names_line_and_nearest_key(program, tmp_path):
    config = tmp_path / "townlake.yaml"
    config.write_text("listen:\n  port: 9000\nengin:\n  memory: 1GiB\n")
    done = subprocess.run([program, "config", "check", "--config", str(config)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and "townlake.yaml:3" in done.stderr and "engine" in done.stderr
    config.write_text("listen:\n  port: 9000\n")
    done = subprocess.run([program, "config", "check", "--config", str(config)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and "ok" in done.stdout


def test_config_keys_come_from_file_and_environment(program, tmp_path):
    config = tmp_path / "townlake.yaml"
    config.write_text("listen:\n  port: 9000\n")
    done = subprocess.run([program, "config", "keys", "--config", str(config)], capture_output=True, text=True, timeout=30, check=False,
                          env={**os.environ, "TOWNLAKE_LOG_LEVEL": "warn"})
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "9000" in lines["listen.port"] and "file" in lines["listen.port"]
    assert "warn" in lines["log.level"] and "environment" in lines["log.level"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_valid(program, shell, tmp_path):
    script = subprocess.run([program, "completion", shell], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "--output" in script or "-l output" in script
    if shell == "bash":
        (tmp_path / "c").write_text(script)
        subprocess.run(["bash", "-n", str(tmp_path / "c")], check=True)


def test_help_lists_every_command(program):
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30, check=True)
    for command in ("serve", "demo", "sql", "source", "explain", "doctor", "config", "completion", "version"):
        assert f"  {command}" in done.stdout
        assert subprocess.run([program, command, "--help"], capture_output=True, timeout=30, check=False).returncode == 0


def test_no_colour_without_a_terminal(cli):
    assert "\033" not in cli("sql", "SELECT nope").stderr


def test_tables_of_the_lake_with_odd_names_are_looked_into_dropped_and_had_back(cli, demo):
    for sql in ('CREATE TABLE lake.scratch."odd na""me" AS SELECT 1 AS n', 'CREATE TABLE lake.scratch.plain AS SELECT 2 AS n'):
        assert cli("sql", sql).returncode == 0
    for name in ('scratch."odd na""me"', 'lake.scratch."odd na""me"', '"scratch"."odd na""me"', "scratch.plain", "lake.scratch.plain"):
        done = cli("lake", "cost", name, "--output", "csv")
        assert done.returncode == 0 and done.stdout.splitlines()[1].startswith("1,0,"), (name, done.stderr)
    assert "done" in cli("lake", "expire", 'scratch."odd na""me"', "--output", "csv").stdout
    assert cli("sql", "DROP TABLE lake.scratch.plain").returncode == 0
    granted = cli("lifeguard", "grant", "lake.scratch", "--group", "admin", "--privileges", "raw,own", "--duration", "1h", "--reason", "test")
    assert granted.returncode == 0, granted.stderr
    back = cli("lake", "undrop", "scratch.plain", "--as", "again")
    assert back.returncode == 0 and '"scratch"."again" is back' in back.stdout, back.stderr
    assert cli("sql", "--output", "csv", "SELECT n FROM lake.scratch.again").stdout == "n\n2\n"
    gone = cli("lake", "undrop", "scratch.plain")
    assert gone.returncode == 1 and "can be had back" in gone.stderr
    assert cli("lake", "undrop", "plain").returncode != 0


def test_prompt_runs_completes_and_leaves(program, demo, tmp_path):
    environment = {**os.environ, "TOWNLAKE_URL": demo.url, "TOWNLAKE_TOKEN": demo.token(), "HOME": str(tmp_path), "TERM": "xterm", "NO_COLOR": "1"}
    child = pexpect.spawn(program, ["sql"], env=environment, encoding="utf-8", timeout=30, dimensions=(40, 160))
    child.expect("townlake> ")
    child.sendline("SELECT 40 +")
    child.expect(r"\.\.\.> ")
    child.sendline("2 AS answer;")
    child.expect("42")
    child.expect("townlake> ")
    child.sendline("USE ops.public;")
    child.expect("ops.public> ")
    child.send("SELECT count(*) FROM support_t\t")
    child.expect("ickets")
    child.sendline(";")
    child.expect("1 row")
    child.expect("ops.public> ")
    child.sendline("SELECT count(*) FROM range(100000000000) a;")
    child.expect("%")  # the progress bar
    child.sendintr()
    child.expect("cancelled")
    child.expect("ops.public> ")
    child.sendline("\\quit")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "answer" in (tmp_path / ".local/state/townlake/sql_history").read_text()
