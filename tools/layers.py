#!/usr/bin/env python3
"""Fail when an #include crosses src/LAYERS the wrong way, or LAYERS names an edge that nothing uses.

usage: layers.py [SRC]
"""
import fnmatch
import pathlib
import re
import sys

SOURCES = {".c", ".h", ".cpp"}
GENERATED = re.compile(r"^[a-z_]+\.h$")  # generated headers have no folder


def read_layers(root):
    rules, outside = {}, {}
    for line in (root / "LAYERS").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, allowed = (part.strip() for part in line.split(":"))
            if name.startswith("<"):
                outside[name.strip("<>")] = allowed.split()
            else:
                rules[name] = allowed.split()
    return rules, outside


class Checker:
    def __init__(self, root):
        self.root = root
        self.rules, self.outside = read_layers(root)
        self.problems, self.used, self.filled = [], set(), set()

    def rule_of(self, folder):
        return next((rule for rule in self.rules if fnmatch.fnmatch(folder, rule)), None)

    def folder_of(self, path):
        """The deepest folder that has a rule."""
        parts = path.parent.relative_to(self.root).parts
        for depth in range(len(parts), 0, -1):
            folder = "/".join(parts[:depth])
            if self.rule_of(folder):
                return folder
        return None

    def check_order(self):
        order = list(self.rules)
        for name, allowed in self.rules.items():
            for other in allowed:
                below = [rule for rule in order if fnmatch.fnmatch(rule, other)] or [other]
                if any(rule not in order or order.index(rule) >= order.index(name) for rule in below):
                    self.problems.append(f"LAYERS: {name} may not allow {other}, which is not above it")

    def check_line(self, path, number, line, here):
        where = f"{path}:{number}"
        system = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        named = (system or own).group(1) if system or own else ""
        for pattern, allowed in self.outside.items():
            if fnmatch.fnmatch(named, pattern) and not (self.root / named).exists():
                if not any(fnmatch.fnmatch(here, rule) for rule in allowed):
                    self.problems.append(f"{where}: {here} may not meet <{named}>")
                return
        if not own or GENERATED.match(named):
            return
        target = self.root / named
        if not target.exists():
            self.problems.append(f'{where}: "{named}" is not a path from src/')
            return
        there = self.folder_of(target)
        if there == here:
            return
        if target.name.endswith("_int.h"):
            self.problems.append(f"{where}: {named} is private to {there}")
        rule = self.rule_of(here)
        hit = next((a for a in self.rules[rule] if fnmatch.fnmatch(there or "", a)), None)
        if hit is None:
            self.problems.append(f"{where}: {here} may not include {there}")
        self.used.add((rule, hit))

    def run(self):
        self.check_order()
        for path in sorted(self.root.rglob("*")):
            if path.suffix not in SOURCES:
                continue
            here = self.folder_of(path)
            if here is None:
                self.problems.append(f"{path}: folder has no line in LAYERS")
                continue
            self.filled.add(self.rule_of(here))
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                self.check_line(path, number, line, here)
        return self.problems


def main():
    checker = Checker(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src"))
    problems = checker.run()
    print("\n".join(problems) or "layers: ok")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
