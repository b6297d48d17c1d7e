"""What schemathesis needs besides the OpenAPI document of the logbook: credentials that are good, and ids of what is there."""

import base64
import json

import schemathesis

from schemathesis_facts import FACTS, KEPT, fill_in_values, random_for_case, record_answer


@schemathesis.serializer(*FACTS["bodies"])
def serialize_archive(ctx, value):
    """What was generated in place of an archive is none."""
    return value if isinstance(value, bytes) else json.dumps(value, default=str).encode()


@schemathesis.hook
def before_call(ctx, case, kwargs):
    kwargs["allow_redirects"] = False
    choose = random_for_case(case)
    declared = FACTS["operations"][case.operation.label]
    if declared["credentials"] and choose.randrange(KEPT):
        case.path_parameters["credential"] = choose.choice(declared["credentials"])
    if isinstance(case.path_parameters, dict):
        fill_in_values(choose, case.path_parameters, {name: FACTS["ids"][name] for name in declared["path"]})
    query = case.query if isinstance(case.query, dict) else {}
    fill_in_values(choose, query, {name: FACTS["ids"][name] for name in declared["query"]})
    if query:
        case.query = query
    if case.media_type in FACTS["bodies"] and choose.randrange(KEPT):
        case.body = base64.b64decode(choose.choice(FACTS["bodies"][case.media_type]))
    if isinstance(case.body, dict) and choose.randrange(KEPT):
        event = case.body.get("event")
        if isinstance(event, dict):
            query.pop("investigationId", None)
            (case.headers or {}).pop("If-Match", None)
        for part in filter(lambda part: isinstance(part, dict), (case.body, event)):
            for name in part.keys() & FACTS["values"].keys():
                part[name] = choose.choice(FACTS["values"][name])


@schemathesis.hook
def after_call(ctx, case, response):
    record_answer(case, response)
