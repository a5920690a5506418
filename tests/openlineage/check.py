"""Events on standard input, one a line, against the official schemas beside this file; what is wrong goes to standard output, a line each."""
import json
import pathlib
import re
import sys

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

HERE = pathlib.Path(__file__).parent
SCHEMAS = {schema["$id"]: schema for schema in (json.loads(path.read_text()) for path in [HERE / "OpenLineage.json", *HERE.glob("facets/*.json")])}
REGISTRY = Registry().with_resources([(address, Resource.from_contents(schema)) for address, schema in SCHEMAS.items()])
EVENT = next(schema for address, schema in SCHEMAS.items() if address.endswith("OpenLineage.json"))


def validator(schema):
    return Draft202012Validator(schema, registry=REGISTRY, format_checker=FormatChecker())


def facets_of(value, path):
    """Every facet, with its place: each must say which official schema it follows."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key in ("facets", "inputFacets", "outputFacets"):
            for name, facet in inner.items():
                yield path + [key, name], name, facet
        else:
            yield from facets_of(inner, path + [key])


def check(event):
    yield from ((list(error.absolute_path), error.message[:200]) for error in validator(EVENT).iter_errors(event))
    for path, name, facet in facets_of(event, []):
        address = re.sub(r"#.*", "", facet.get("_schemaURL", ""))
        if address not in SCHEMAS:
            yield path, f"no official schema at {address!r}"
            continue
        yield from ((path + list(error.absolute_path), error.message[:200]) for error in validator(SCHEMAS[address]).iter_errors({name: facet}))


count = 0
for line in sys.stdin:
    count += 1
    for path, message in check(json.loads(line)):
        print(f"event {count}: {path}: {message}")
print(f"{count} events", file=sys.stderr)
