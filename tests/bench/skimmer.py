#!/usr/bin/env python3
"""The accuracy report: ours and Presidio on the same labelled columns -> docs/skimmer-accuracy.md.

usage: skimmer.py --build BUILD [--columns A_KIND] [--values OF_A_COLUMN_FOR_PRESIDIO] [--output FILE]
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import accuracy
import corpus
import presidio_columns

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent


def make(folder, part, count) -> pathlib.Path:
    path = folder / f"{part}.jsonl"
    subprocess.run([sys.executable, HERE / "corpus.py", part, str(count), path], check=True)
    return path


def nameless(path) -> pathlib.Path:
    """The same columns with names, tables and neighbours that say nothing."""
    hidden = path.with_suffix(".nameless")
    with open(hidden, "w", encoding="utf-8") as file:
        for row in accuracy.load(path):
            file.write(json.dumps({**row, "name": "c", "table": "t", "neighbours": []}) + "\n")
    return hidden


def presidio(path, values):
    output = path.with_suffix(".presidio")
    log = path.with_suffix(".log")
    with open(log, "w", encoding="utf-8") as err:
        subprocess.run([sys.executable, HERE / "presidio_columns.py", path, str(values), output], check=True, stderr=err)
    rows = accuracy.load(output)
    return rows[:-1], rows[-1]["values_per_s"]


def verdicts(counted, share, best) -> list:
    """A column is of the class, or classes, that so large a share of its values is."""
    found = []
    for row in counted:
        classes = {label for label, hits in row["counts"].items() if row["checked"] and hits / row["checked"] >= share}
        if best and classes:
            classes = {max(sorted(classes), key=lambda label: row["counts"][label])}
        found.append(sorted(classes))
    return found


def best_reading(rows, counted):
    """How Presidio's spans are best read as a verdict on a column: chosen on the part that is for choosing."""
    return max(((share, best) for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8) for best in (False, True)),
               key=lambda way: accuracy.macro(accuracy.scores(rows, verdicts(counted, *way))))


def cell(row) -> str:
    return f"{row[0]:.2f} | {row[1]:.2f} | {row[2]:.2f}" if row else "– | – | –"


def report(result) -> str:
    ours, theirs, known = result["ours"], result["theirs"], result["known"]
    both = (accuracy.macro(ours), accuracy.macro(theirs))
    shared = (accuracy.macro(ours, known), accuracy.macro(theirs, known))
    out = [
        "# What the Skimmer finds, measured", "",
        f"`make bench-skimmer` writes this page. Measured on {result['columns']} columns of {corpus.VALUES} values, {len(corpus.POSITIVE) + len(corpus.NEGATIVE)} kinds of columns, "
        f"of the part that is never used to make the detectors better.", "",
        "**All of it is synthetic**: values are made by Faker and by our own makers of check digits, names of columns are chosen from lists we wrote. It says how well the "
        "forms are known and how look-alikes are told apart; it does not say what the rate on your data is. Both parts of the corpus come from the same makers, so they share "
        "their idea of what a column looks like; they share no locale but `en_US`, no name of a column but `dob`, `name`, `ratio` and `title`, and no seed.", "",
        "| | Skimmer | Presidio | Difference |", "|---|---|---|---|",
        f"| macro F1, {sum(1 for r in ours.values() if r[3])} classes | {both[0]:.3f} | {both[1]:.3f} | {both[0] - both[1]:+.3f} |",
        f"| macro F1, the {len([c for c in known if c in ours and ours[c][3]])} classes that Presidio knows | {shared[0]:.3f} | {shared[1]:.3f} | {shared[0] - shared[1]:+.3f} |",
        f"| the same, names of columns, tables and neighbours hidden from the Skimmer | {accuracy.macro(result['nameless'], known):.3f} | | |",
        f"| columns of nothing personal that were taken for something | {result['false'][0]} of {result['negatives']} | {result['false'][1]} of {result['negatives']} | |",
        f"| values a second, one core | {result['rate'][0]:,.0f} | {result['rate'][1]:,.0f} | {result['rate'][0] / result['rate'][1]:,.0f} × |", "",
        f"Presidio {result['version']}: every recogniser its package has (also those of countries that are off by default), spaCy's `en_core_web_sm` 3.8 as packaged by a third party "
        "(the large model of its documentation cannot be had from the package index), each column's name given as context. It speaks of spans in texts, not of columns: a column is of a class when "
        f"{result['way'][0]:.0%} of its values are{', the most frequent one only' if result['way'][1] else ''}, the reading that served it best on the other part. Its URLs and dates are left out: it does not "
        f"claim that they are personal. It sees {result['sample']} values of each column, the Skimmer {corpus.VALUES}.", "",
        "## By class", "", "| Class | Columns | Precision | Recall | F1 | Presidio: precision | recall | F1 |", "|---|---|---|---|---|---|---|---|",
    ]
    for label, row in sorted(ours.items()):
        out.append(f"| `{label}` | {row[3]} | {cell(row)} | {cell(theirs.get(label)) if label in known else cell(None)} |")
    return "\n".join(out + [""])


def false_ones(rows, found) -> int:
    return sum(1 for row, classes in zip(rows, found, strict=True) if not row["label"] and classes)


def measure(args, folder) -> dict:
    from importlib.metadata import version
    program = str(pathlib.Path(args.build).resolve() / "src/detectors/detect_columns")
    tune, held = make(folder, "tune", max(2, args.columns // 2)), make(folder, "held", args.columns)
    way = best_reading(accuracy.load(tune), presidio(tune, args.values)[0])
    rows = accuracy.load(held)
    counted, their_rate = presidio(held, args.values)
    theirs = verdicts(counted, *way)
    found, rate = accuracy.ours(program, held, 20)
    hidden, _ = accuracy.ours(program, nameless(held))
    return {
        "ours": accuracy.scores(rows, found), "theirs": accuracy.scores(rows, theirs), "nameless": accuracy.scores(rows, hidden), "known": set(presidio_columns.ENTITIES.values()),
        "rate": (rate, their_rate), "way": way, "sample": args.values, "columns": len(rows), "version": version("presidio-analyzer"),
        "negatives": sum(1 for row in rows if not row["label"]), "false": (false_ones(rows, found), false_ones(rows, theirs)),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--values", type=int, default=10)
    parser.add_argument("--output", default=str(ROOT / "docs/skimmer-accuracy.md"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(measure(args, pathlib.Path(folder)))
    pathlib.Path(args.output).write_text(text, encoding="utf-8")
    print(os.path.relpath(args.output), *text.splitlines()[8:14], sep="\n")


main()
