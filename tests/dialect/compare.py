"""Where our answer is not Trino's."""
import cases
from townlake import StatementError


def shape(case, result):
    """None when the answers are equal, else what differs."""
    types, rows = [cases.plain_type(t) for t in result.types], cases.plain_value(result.rows)
    if case.error:
        return f"an answer where Trino has {case.error}: {types} {rows}"
    if types != [cases.plain_type(t) for t in case.types]:
        return f"types {types} {rows}"
    if not equal(cases.plain_value(case.rows), rows):
        return f"rows {rows}"
    return None


def equal(wanted, got):
    """Floating point results may differ in their last digits: other libraries of mathematics."""
    if isinstance(wanted, float) and isinstance(got, (float, int)):
        return abs(wanted - got) <= 1e-12 * max(abs(wanted), abs(got))
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(equal, wanted, got))
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(equal(wanted[key], got[key]) for key in wanted)
    return wanted == got and type(wanted) is type(got)


def difference(lake, case):
    """What differs at the door, in words; None when nothing does."""
    try:
        result = lake.run(case.sql, time_zone="UTC")
    except StatementError as failure:
        return None if case.error else f"{failure.code}: {failure}"
    return shape(case, result)
