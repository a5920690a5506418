#!/usr/bin/env python3
"""The differential suite with new seeds until the time is over.  Exit status 1 when a statement answered differently.

usage: fuzz.py --seconds N [--seed N]     TOWNLAKE_BUILD names the build folder
"""
import argparse
import random
import sys
import time

import grammar
import servers as servers_module
import suite as suite_module

ROUND_BY_COLUMN, ROUND_BY_FUNCTION, ROUND_BY_SHAPE, ROUND_BY_SIZE = 100, 200, 14, 16
ROUNDS_PER_WORLD = 8


def statements_of(seed, tables):
    made = suite_module.by_column(random.Random(seed), tables, ROUND_BY_COLUMN)
    made += suite_module.by_function(random.Random(seed), tables, ROUND_BY_FUNCTION)
    made += suite_module.by_size(random.Random(seed), ROUND_BY_SIZE)
    for shape in grammar.Grammar.SHAPES:
        made += suite_module.by_shape(seed, tables, shape, ROUND_BY_SHAPE)
    return made


def run_world(seed, deadline):
    """Rows by this seed, and some rounds of statements; gives how many there were and how many failed."""
    judged = failed = 0
    running = servers_module.Servers()
    try:
        suite = suite_module.make(running, seed)
        for number in range(ROUNDS_PER_WORLD):
            if time.monotonic() > deadline:
                break
            statements = statements_of(f"{seed}/{number}", suite.tables)
            failures = suite.failures(statements)
            for failure in failures:
                print(f"seed {seed}, round {number}\n{failure}\n", flush=True)
            judged, failed = judged + len(statements), failed + len(failures)
    finally:
        running.stop()
    return judged, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    seed, judged, failed = options.seed, 0, 0
    while time.monotonic() < deadline:
        print(f"world of seed {seed}", flush=True)
        more, wrong = run_world(seed, deadline)
        judged, failed, seed = judged + more, failed + wrong, seed + 1
    print(f"{judged} statements, {failed} answered differently")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
