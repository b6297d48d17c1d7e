"""What schemathesis needs besides the OpenAPI document of the search: sessions that are good, and searches that find something."""

import urllib.request

import schemathesis

from schemathesis_facts import FACTS, KEPT, fill_in_values, random_for_case, record_answer


def leave_out_some(choose, place, names):
    """The more conditions a search has, the more seldom it is without a mistake and finds something."""
    if choose.randrange(KEPT):
        for name in sorted(place.keys() & names):
            if choose.random() < 0.6:
                del place[name]


def stop_populations(session):
    """An entity whose rows are still read because of a case before is not read again: without this, how fast the machine is would decide
    whether a request for it succeeds."""
    headers = {"Authorization": f"Bearer {session}"}
    request = urllib.request.Request(f"{FACTS['url']}/icat/lucene/db", method="DELETE", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 204, answer.status


@schemathesis.hook
def before_call(ctx, case, kwargs):
    kwargs["allow_redirects"] = False
    choose = random_for_case(case)
    query = case.query if isinstance(case.query, dict) else {}
    declared = FACTS["operations"][case.operation.label]
    session = choose.choice(FACTS["sessions"][case.operation.label])
    if case.operation.label.startswith("POST /icat/lucene/db/") and choose.randrange(2):
        stop_populations(FACTS["sessions"][case.operation.label][0])
    for name, values in FACTS["paths"][case.operation.label].items():
        if choose.randrange(KEPT):
            case.path_parameters[name] = choose.choice(values)
    if choose.randrange(KEPT):
        if isinstance(case.body, dict) and "sessionId" in case.body:
            # Of a form.
            case.body["sessionId"] = session
        if "sessionId" in declared and choose.randrange(2):
            query["sessionId"] = session
        else:
            query.pop("sessionId", None)
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {session}"}
    fill_in_values(choose, query, {name: values for name, values in declared.items() if name != "sessionId"})
    leave_out_some(choose, query, declared.keys() - {"query", "sessionId", "target", "field"})
    if query:
        case.query = query
    if isinstance(case.body, dict) and choose.randrange(KEPT):
        for name in case.body.keys() & FACTS["values"].keys():
            case.body[name] = choose.choice(FACTS["values"][name])
        leave_out_some(choose, case.body, FACTS["values"].keys())
        # The cursor of this search, as it must be sent with the same order.
        if case.body.get("cursor") in FACTS["values"]["cursor"] and choose.randrange(2):
            case.body = {"cursor": case.body["cursor"]}


@schemathesis.hook
def after_call(ctx, case, response):
    record_answer(case, response)
