"""Precision, recall and F1, a class each, of what was found in labelled columns."""
import collections
import json
import subprocess


def load(path) -> list:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def ours(program, path, repeats=1):
    """The classes found in each column, and values a second on one core."""
    with open(path, "rb") as file:
        done = subprocess.run([program, str(repeats)], stdin=file, capture_output=True, check=True, timeout=900)
    found = [[item["class"] for item in json.loads(line)] for line in done.stdout.splitlines()]
    return found, float(done.stderr.split()[0]) if repeats > 1 else None


def scores(rows, found) -> dict:
    """class -> (precision, recall, F1, columns).  A column is of one class or of none; each other class said of it is a false one."""
    hits, false, missed, columns = (collections.Counter() for _ in range(4))
    for row, classes in zip(rows, found, strict=True):
        label = row["label"]
        if label:
            columns[label] += 1
            hits[label] += label in classes
            missed[label] += label not in classes
        false.update(set(classes) - {label})
    table = {}
    for label in sorted(set(columns) | set(false)):
        said = hits[label] + false[label]
        precision = hits[label] / said if said else 0.0
        recall = hits[label] / columns[label] if columns[label] else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        table[label] = (precision, recall, f1, columns[label])
    return table


def macro(table, labels=None) -> float:
    """The mean F1 of the classes that the corpus has."""
    chosen = [row[2] for label, row in table.items() if row[3] and (labels is None or label in labels)]
    return sum(chosen) / len(chosen)


def mistakes(rows, found):
    for row, classes in zip(rows, found, strict=True):
        wrong = set(classes) ^ ({row["label"]} - {""})
        if wrong:
            yield row, classes
