"""Holds JSON documents against a schema: `validate.py SCHEMA FOLDER` prints `file<TAB>where<TAB>what` for each that it refuses.

Formats are checked as their RFCs have them, whichever packages are installed: `uri` by the characters of RFC 3986,
`date-time` by RFC 3339.
"""

import datetime
import json
import pathlib
import re
import sys

import jsonschema

URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")

formats = jsonschema.FormatChecker(formats=())


@formats.checks("uri")
def is_uri(value):
    return not isinstance(value, str) or URI.fullmatch(value) is not None


@formats.checks("date-time", raises=ValueError)
def is_time(value):
    if not isinstance(value, str):
        return True
    if TIME.fullmatch(value) is None:
        return False
    datetime.datetime.fromisoformat(value[:19])
    return True


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8-sig"))
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=formats)
    count = 0
    for path in sorted(pathlib.Path(sys.argv[2]).glob("*.json")):
        count += 1
        document = json.loads(path.read_text(encoding="utf-8"))
        error = jsonschema.exceptions.best_match(validator.iter_errors(document))
        if error is not None:
            where = "/".join(str(step) for step in error.absolute_path)
            print(f"{path.name}\t{where}\t{error.message[:200]}")
    print(f"validated {count}", file=sys.stderr)


main()
