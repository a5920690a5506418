"""A failing statement made smaller: parts of its tree are left out as long as it still fails."""
import copy
import json
import time

import duckdb

from judge import Statement

ATTEMPTS_MAX, SECONDS_MAX = 250, 20


def places(tree, path=()):
    """Every object of the tree with the path to it, outer ones first."""
    if isinstance(tree, dict):
        yield path, tree
    for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(child, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def smaller_select(node):
    for key in ("where_clause", "having", "qualify"):
        if node.get(key):
            yield {**node, key: None}
    if node["group_expressions"]:
        yield {**node, "group_expressions": [], "group_sets": []}
    for i in range(len(node["select_list"]) if len(node["select_list"]) > 1 else 0):
        yield {**node, "select_list": node["select_list"][:i] + node["select_list"][i + 1:]}


def without_modifiers(node):
    limited = any("LIMIT" in item["type"] for item in node["modifiers"])
    for i, item in enumerate(node["modifiers"]):
        if not limited or item["type"] != "ORDER_MODIFIER":  # an unordered LIMIT has many right answers
            yield {**node, "modifiers": node["modifiers"][:i] + node["modifiers"][i + 1:]}


def smaller_list(node, least):
    children = node["children"]
    if len(children) > 40:
        half = len(children) // 2
        yield {**node, "children": children[:half]}
        yield {**node, "children": children[:1] + children[half:]}
        return
    for i in range(least, len(children)):
        if len(children) > least + 1:
            yield {**node, "children": children[:i] + children[i + 1:]}


def smaller(node):
    """What may stand in the place of this object."""
    kind = node.get("type")
    if kind == "SELECT_NODE":
        yield from smaller_select(node)
    if kind in ("SELECT_NODE", "SET_OPERATION_NODE"):
        yield from without_modifiers(node)
        entries = node["cte_map"]["map"]
        for i in range(len(entries)):
            yield {**node, "cte_map": {"map": entries[:i] + entries[i + 1:]}}
    if kind in ("JOIN", "SET_OPERATION_NODE"):
        yield from (node[side] for side in ("left", "right") if isinstance(node.get(side), dict))
        yield from node.get("children", []) if kind == "SET_OPERATION_NODE" else []
    if kind in ("CONJUNCTION_AND", "CONJUNCTION_OR"):
        yield from node["children"]
        yield from smaller_list(node, 0)
    if kind in ("COMPARE_IN", "COMPARE_NOT_IN"):
        yield from smaller_list(node, 1)
    if kind == "OPERATOR_NOT" or node.get("class") in ("FUNCTION", "CASE", "CAST"):
        yield from node.get("children", [])
        yield from [node["child"]] if isinstance(node.get("child"), dict) else []


def candidates(tree):
    for path, node in list(places(tree)):
        for replacement in smaller(node):
            made = copy.deepcopy(tree)
            at(made, path[:-1])[path[-1]] = copy.deepcopy(replacement)
            yield made


def reduce(judge, failure):
    """Fills failure.reduced; gives the failure of the smallest statement found."""
    tree = judge.tree_of(failure.statement.text)
    best, seen = failure, set()
    attempts, deadline = 0, time.monotonic() + SECONDS_MAX
    progress = tree is not None
    while progress:
        progress = False
        for made in candidates(tree):
            key = json.dumps(made, sort_keys=True)
            if attempts >= ATTEMPTS_MAX or time.monotonic() > deadline:
                break
            if key in seen:
                continue
            seen.add(key)
            attempts += 1
            try:
                text = judge.text_of(made)
            except duckdb.Error:  # not a statement any more
                continue
            found = judge.judge(Statement(text, failure.statement.zone, failure.statement.origin), ordered=failure.order_only)
            if found and found.what == failure.what:
                tree, best, progress = made, found, True
                break
    if best is not failure:
        failure.reduced, failure.answers = best.statement.text, best.answers
    return best
