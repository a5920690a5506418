"""Results in segments (Trino's spooled protocol): clients that ask for them, and what stands behind their addresses."""
import base64
import json
import subprocess
import time
import urllib.parse

import lz4.block
import pytest
import trino
import zstandard

ROWS = 150000
LARGE = f"SELECT range AS n, 'row ' || range AS t FROM range({ROWS})"
WHOLE = [[number, f"row {number}"] for number in range(ROWS)]


def unpack(encoding, data, metadata):
    assert len(data) == metadata["segmentSize"]
    if "uncompressedSize" not in metadata:
        return json.loads(data)
    if encoding == "json+lz4":
        data = lz4.block.decompress(data, uncompressed_size=metadata["uncompressedSize"])
    else:
        data = zstandard.ZstdDecompressor().decompress(data)
    assert len(data) == metadata["uncompressedSize"]
    return json.loads(data)


def pages(lake, sql, encoding, **headers):
    page = lake.post(sql, query_data_encoding=encoding, **headers).json()
    while True:
        assert "error" not in page, page["error"]
        yield page
        if "nextUri" not in page:
            return
        page = lake.http.get(page["nextUri"]).json()


def segments(lake, sql, encoding, **headers):
    for page in pages(lake, sql, encoding, **headers):
        if "data" in page:
            assert page["data"]["encoding"] == encoding
            yield from page["data"]["segments"]


def fetch(lake, segment):
    if segment["type"] == "inline":
        return base64.b64decode(segment["data"])
    response = lake.http.get(segment["uri"])
    assert response.status_code == 200 and "Content-Encoding" not in response.headers
    return response.content


@pytest.mark.parametrize("encoding", ["json", "json+lz4", "json+zstd"])
def test_segments_hold_the_rows_in_order(lake, encoding):
    rows, kinds, largest = [], set(), 0
    for segment in segments(lake, LARGE, encoding):
        metadata = segment["metadata"]
        assert metadata["rowOffset"] == len(rows)
        part = unpack(encoding, fetch(lake, segment), metadata)
        assert len(part) == metadata["rowsCount"]
        rows += part
        kinds.add(segment["type"])
        largest = max(largest, len(part))
        assert "uncompressedSize" not in metadata or encoding != "json"
    assert rows == WHOLE
    if encoding == "json":
        assert "spooled" in kinds
    else:
        assert kinds == {"inline"} and largest == 512, "compressed segments are small and come with their page"


def test_large_segments_are_compressed_and_wait_at_their_addresses(lake):
    found = list(segments(lake, LARGE, "json+zstd", session="result_segments=always"))
    assert {segment["type"] for segment in found} >= {"spooled"} and len(found) < 10
    rows = [row for segment in found for row in unpack("json+zstd", fetch(lake, segment), segment["metadata"])]
    assert rows == WHOLE


def test_first_encoding_that_is_known_is_used(lake):
    found = {page["data"]["encoding"] for page in pages(lake, LARGE, "arrow, json+lz4,json+zstd") if "data" in page}
    assert found == {"json+lz4"}
    direct = [page for page in pages(lake, LARGE, "arrow") if "data" in page]
    assert isinstance(direct[0]["data"], list)


def test_small_results_are_rows_at_once_unless_segments_are_wanted(lake):
    assert [page["data"] for page in pages(lake, "SELECT 1", "json+zstd")] == [[[1]]]
    wanted = list(segments(lake, "SELECT 1", "json+zstd", session="result_segments=always"))
    assert [segment["type"] for segment in wanted] == ["inline"] and json.loads(fetch(lake, wanted[0])) == [[1]]
    assert list(segments(lake, "SELECT 1 WHERE false", "json", session="result_segments=always")) == []
    changed = [page for page in pages(lake, "SET SESSION query_max_rows = 5", "json", session="result_segments=always")]
    assert changed[-1]["updateType"] == "SET SESSION"


def spooled(lake, sql):
    page = lake.post(sql, query_data_encoding="json").json()
    while not any(segment["type"] == "spooled" for segment in page.get("data", {}).get("segments", [])):
        page = lake.http.get(page["nextUri"]).json()
    return page, page["data"]["segments"][0]


def test_segment_is_there_until_it_is_acknowledged(lake):
    page, segment = spooled(lake, LARGE)
    assert fetch(lake, segment) == fetch(lake, segment)
    assert lake.http.get(segment["ackUri"]).status_code == 200
    assert lake.http.get(segment["uri"]).status_code == 404 and lake.http.get(segment["ackUri"]).status_code == 404
    lake.http.delete(page["nextUri"])


def test_address_of_a_segment_cannot_be_guessed(lake):
    page, segment = spooled(lake, LARGE)
    address = segment["uri"].rsplit("/", 1)
    assert lake.http.get(f"{address[0]}/{'0' * 32}").status_code == 404
    assert lake.http.get(f"{address[0]}/{address[1][:-1]}").status_code == 404
    lake.http.delete(page["nextUri"])


def test_cancelling_forgets_the_segments(lake):
    page, segment = spooled(lake, "SELECT range AS n FROM range(50000000)")
    assert lake.http.delete(page["nextUri"]).status_code == 204
    assert lake.http.get(segment["uri"]).status_code == 404


def test_segments_nobody_fetches_have_bounded_room(lake):
    """The rest comes inside the pages."""
    kinds, spooled_bytes = [], 0
    for segment in segments(lake, "SELECT range AS n, 'some text to fill the room ' || range AS t FROM range(3000000)", "json"):
        kinds.append(segment["type"])
        spooled_bytes += segment["metadata"]["segmentSize"] if kinds[-1] == "spooled" else 0
        if kinds[-1] == "inline" and len(segment["data"]) > 1000000:
            break
    assert "spooled" in kinds and kinds[-1] == "inline"
    assert spooled_bytes <= 64 << 20


def test_client_that_is_busy_says_so_without_taking_a_page(lake):
    page = lake.post("SELECT range FROM range(5000000)").json()
    for _ in range(3):
        assert lake.http.head(page["nextUri"]).status_code == 200
    assert lake.http.get(page["nextUri"]).json()["data"][0][0] == page["data"][-1][0] + 1
    lake.http.delete(page["nextUri"])


def test_failure_in_mid_stream_is_told(lake):
    page = lake.post("SELECT CAST(CASE WHEN range = 2900000 THEN 'x' ELSE '1' END AS INTEGER) FROM range(3000000)", query_data_encoding="json").json()
    while "nextUri" in page:
        page = lake.http.get(page["nextUri"]).json()
    assert page["error"]["townlake"]["code"] == "invalid_value"


# ---- the clients themselves ----


@pytest.fixture(scope="module")
def address(demo):
    return urllib.parse.urlsplit(demo.url)


@pytest.mark.parametrize("encoding", [None, "json", "json+lz4", "json+zstd"])
def test_python_decodes_segments(address, encoding):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin", encoding=encoding) as connection:
        assert connection.cursor().execute(LARGE).fetchall() == WHOLE


def test_python_segment_cursor_gets_every_result_in_segments(address):
    with trino.dbapi.connect(host=address.hostname, port=address.port, user="admin", encoding="json+zstd",
                             session_properties={"result_segments": "always"}) as connection:
        cursor = connection.cursor("segment")
        cursor.execute("SELECT 1 AS a, 'x' AS b")
        found = list(cursor)
        assert [json.loads(segment.segment.data) for segment in found] == [[[1, "x"]]]
        cursor = connection.cursor("segment")
        cursor.execute(LARGE)
        assert sum(segment.segment.metadata["rowsCount"] for segment in cursor) == ROWS


JDBC = """
import java.sql.*;
import java.util.*;

public class Segments {
    public static void main(String[] arguments) throws Exception {
        for (String encoding : new String[] {"json", "json+lz4", "json+zstd"}) {
            Properties properties = new Properties();
            properties.setProperty("user", "admin");
            properties.setProperty("encoding", encoding);
            try (Connection connection = DriverManager.getConnection("jdbc:trino://" + arguments[0], properties);
                    Statement statement = connection.createStatement()) {
                ResultSet rows = statement.executeQuery(arguments[1]);
                long count = 0, sum = 0, wrong = 0;
                while (rows.next()) {
                    count++;
                    sum += rows.getLong(1);
                    if (!rows.getString(2).equals("row " + rows.getLong(1))) wrong++;
                }
                System.out.println(encoding + " " + count + " " + sum + " " + wrong);
            }
        }
    }
}
"""


def test_jdbc_decodes_segments(root, address, tmp_path):
    source = tmp_path / "Segments.java"
    source.write_text(JDBC)
    jar = root / ".deps" / "trino" / "trino-jdbc-476.jar"
    done = subprocess.run(["java", "-cp", str(jar), str(source), f"{address.hostname}:{address.port}", LARGE], capture_output=True,
                          text=True, timeout=180, check=False)
    total = ROWS * (ROWS - 1) // 2
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{encoding} {ROWS} {total} 0" for encoding in ("json", "json+lz4", "json+zstd")]


def test_trino_cli_decodes_segments(root, demo):
    jar = root / ".deps" / "trino" / "trino-cli-476-executable.jar"
    started = time.monotonic()
    done = subprocess.run(["java", "-jar", str(jar), "--server", demo.url, "--user", "admin", "--output-format", "CSV", "--execute", LARGE],
                          capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == ROWS and lines[-1] == f'"{ROWS - 1}","row {ROWS - 1}"', time.monotonic() - started
