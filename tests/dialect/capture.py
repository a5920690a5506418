#!/usr/bin/env python3
"""Ask a real Trino 476 every case of tests/cases/dialect and write its answers into the files.

usage: capture.py [--check] URL       e.g. tests/dialect/capture.py http://127.0.0.1:18080
--check changes nothing and tells which answers are not what the files say.
"""
import json
import sys
import urllib.request

import cases

VERSION = "476"


def fetch(request):
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.load(response)


def ask(url, sql):
    """(types, rows, name of the error)"""
    headers = {"X-Trino-User": "capture", "X-Trino-Time-Zone": "UTC", "X-Trino-Client-Capabilities": "PATH,PARAMETRIC_DATETIME"}
    page = fetch(urllib.request.Request(f"{url}/v1/statement", data=sql.encode(), headers=headers))
    types, rows = None, []
    while True:
        if "error" in page:
            return None, None, page["error"]["errorName"]
        types = types or [column["type"] for column in page.get("columns", [])] or None
        rows += page.get("data", [])
        if "nextUri" not in page:
            return types or [], rows, None
        page = fetch(page["nextUri"])


def same(case, answer):
    """Rows that no ORDER BY puts in order may come in any; what is put in order anywhere in the text is compared as it came."""
    types, rows, error = answer
    if rows and case.rows and "order by" not in case.sql.lower():
        return (types, error) == (case.types, case.error) and sorted(map(json.dumps, rows)) == sorted(map(json.dumps, case.rows))
    return answer == (case.types, case.rows, case.error)


def main():
    check = "--check" in sys.argv
    url = sys.argv[-1].rstrip("/")
    version = fetch(f"{url}/v1/info")["nodeVersion"]["version"]
    if version != VERSION:
        sys.exit(f"this is Trino {version}; the answers are those of {VERSION}")
    wrong = 0
    for path in cases.files():
        lines = cases.read(path)
        for case in lines:
            if isinstance(case, str):
                continue
            answer = ask(url, case.sql)
            if not same(case, answer):
                wrong += 1
                if check:
                    print(f"{path.stem}: {case.text}\n    now {answer}\n    was {(case.types, case.rows, case.error)}")
            case.types, case.rows, case.error = answer
        if not check:
            path.write_text(cases.written(lines), encoding="utf-8")
    print(f"{wrong} answers {'differ' if check else 'were new'}")
    sys.exit(bool(check and wrong))


if __name__ == "__main__":
    main()
