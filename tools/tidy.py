#!/usr/bin/env python3
"""Style rules that a reader should never have to check.  Fails with one line a finding.

usage: tidy.py ROOT
"""
import pathlib
import re
import subprocess
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 700
LINE_LENGTH_MAX = 160

BANNED = {
    "strcpy": "memcpy with a known size, or tl_arena_strdup",
    "strcat": "tl_buf_adds",
    "sprintf": "snprintf or tl_buf_addf",
    "vsprintf": "vsnprintf",
    "strtok": "strcspn and pointers",
    "gets": "fgets",
    "atoi": "strtol with a check of its end",
    "atol": "strtoll with a check of its end",
    "alloca": "tl_arena_alloc",
    "system": "tl_process_start",
    "popen": "tl_process_start",
    "rand": "getrandom",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
MARK = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
STRING_OR_COMMENT = re.compile(r"""'(?:\\.|[^'\\])'|"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*""", re.S)

# Dispatch tables in code: long by nature, and they may only shrink.
LONG_FUNCTIONS: dict[str, int] = {}


def tracked(root):
    out = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True, check=False).stdout
    return [root / name for name in out.splitlines() if (root / name).is_file()]


def blank_strings(text):
    """The text with strings and comments emptied, lines kept."""
    return STRING_OR_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def functions(lines):
    """(name, first line, count) of each function whose brace stands alone in column 0."""
    start = None
    for number, line in enumerate(lines):
        if line == "{" and start is None:
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 4):start])
            names = re.findall(r"(\w+)\s*\(", head)
            if line == "}" and names:
                yield names[-1] if len(names) == 1 else names[0], start, number - start
            start = None


def check_source(path, where):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    findings = []
    if len(lines) > FILE_LINES_MAX:
        findings.append(f"{where}: {len(lines)} lines, the limit is {FILE_LINES_MAX}: split it by topic")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LENGTH_MAX:
            findings.append(f"{where}:{number}: line of {len(line)} characters, the limit is {LINE_LENGTH_MAX}")
        if MARK.search(line):
            findings.append(f"{where}:{number}: open mark; file it as an issue or do it")
    code = blank_strings(text)
    for number, line in enumerate(code.splitlines(), 1):
        for match in BANNED_CALL.finditer(line):
            findings.append(f"{where}:{number}: {match.group(1)} is banned; use {BANNED[match.group(1)]}")
    if path.suffix == ".c":
        for name, start, count in functions(code.splitlines()):
            if count > LONG_FUNCTIONS.get(f"{where}:{name}", FUNCTION_LINES_MAX):
                findings.append(f"{where}:{start + 1}: function {name} has {count} lines, the limit is {FUNCTION_LINES_MAX}")
    return findings


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    findings = []
    for path in tracked(root):
        where = str(path.relative_to(root))
        if path.suffix in {".c", ".h", ".cpp"} and where.startswith(("src/", "tests/", "bench/")):
            findings += check_source(path, where)
    print("\n".join(findings) or "tidy: ok")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
