#!/usr/bin/env python3
"""The detectors do not get worse: labelled columns kept in the tree (a part of "tune") give at least the F1 they gave.

usage: accuracy_test.py DETECT_COLUMNS COLUMNS.jsonl
"""
import sys

import accuracy

MACRO_F1_MIN = 0.97
CLASS_F1_MIN = 0.6
CLASSES_MIN = 55


def main() -> None:
    program, path = sys.argv[1:]
    rows = accuracy.load(path)
    found, _ = accuracy.ours(program, path)
    table = accuracy.scores(rows, found)
    kept = {label: row for label, row in table.items() if row[3]}
    poor = [f"{label} {row[2]:.2f}" for label, row in kept.items() if row[2] < CLASS_F1_MIN]
    macro = accuracy.macro(table)
    print(f"macro F1 {macro:.3f} of {len(kept)} classes in {len(rows)} columns")
    for row, classes in accuracy.mistakes(rows, found):
        print(f"  {row['label'] or 'nothing'}, column {row['name']} of {row['locale']}: found {', '.join(classes) or 'nothing'}")
    sys.exit(macro < MACRO_F1_MIN or bool(poor) or len(kept) < CLASSES_MIN)


main()
