"""A client of /v1/statement that hides nothing: pages, headers and errors as they come."""
import dataclasses
import json
import time
import urllib.parse

import requests

ENGINE_WAIT_S = 20


class StatementError(Exception):
    """The `error` object of a failed statement."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error
        own = error.get("townlake", {})
        self.code, self.hint, self.detail = own.get("code"), own.get("hint"), own.get("detail")
        self.position = own.get("position")


@dataclasses.dataclass
class Result:
    columns: list
    rows: list
    headers: dict
    pages: int
    page: dict  # the last one

    @property
    def names(self):
        return [column["name"] for column in self.columns]

    @property
    def types(self):
        return [column["type"] for column in self.columns]


class Lake:
    def __init__(self, url, token=None, user=None):
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        self.headers = {"X-Trino-Client-Capabilities": "PATH,PARAMETRIC_DATETIME", "X-Trino-Source": "tests"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        if user:
            self.headers["X-Trino-User"] = user

    def post(self, sql, **headers):
        data = sql if isinstance(sql, bytes) else sql.encode()
        return self.http.post(f"{self.url}/v1/statement", data=data, headers={**self.headers, **self.named(headers)}, timeout=120)

    @staticmethod
    def named(headers):
        return {"X-Trino-" + name.replace("_", "-").title(): value for name, value in headers.items()}

    def run(self, sql, **headers):
        """The whole result.  Keyword arguments are X-Trino- headers: catalog="ops", session="a=b"."""
        response = self.post(sql, **headers)
        assert response.status_code == 200, (response.status_code, response.text)
        seen = dict(response.headers)
        page, pages, rows, columns = response.json(), 1, [], []
        while True:
            columns = columns or page.get("columns", [])
            rows += page.get("data", [])
            if "error" in page:
                raise StatementError(page["error"])
            if "nextUri" not in page:
                return Result(columns, rows, seen, pages, page)
            response = self.http.get(page["nextUri"], timeout=120)
            assert response.status_code == 200, (response.status_code, response.text)
            seen.update(response.headers)
            page, pages = response.json(), pages + 1

    def rows(self, sql, **headers):
        return self.run(sql, **headers).rows

    def value(self, sql, **headers):
        rows = self.rows(sql, **headers)
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return rows[0][0]

    def error(self, sql, **headers):
        """The error that this must give."""
        try:
            result = self.run(sql, **headers)
        except StatementError as error:
            return error
        raise AssertionError(f"no error, but {result.rows[:3]}: {sql[:200]}")

    def get(self, path, **parameters):
        return self.http.get(self.url + path, params=parameters, headers=self.headers, timeout=60)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        return self.http.request(method, self.url + path, data=data, headers=self.headers, timeout=60)

    def wait_engine(self):
        """Until a statement runs again (the engine was killed)."""
        deadline = time.monotonic() + ENGINE_WAIT_S
        while True:
            try:
                return self.value("SELECT 1")
            except (StatementError, AssertionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def decoded(header):
    return urllib.parse.unquote_plus(header)
