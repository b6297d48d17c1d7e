"""The query plan of each statement: the index that it uses, and a warning for each table that it reads completely."""

import re

import questions
from facility import Http


def report(facility, engine, asked, sessions):
    print(f"  how {engine.name} goes about each statement", flush=True)
    seen, loud = set(), []
    statements = [(question.name, question.statement) for question in asked] + list(questions.ALONE.items())
    for name, statement in statements:
        lines, whole = engine.plan(statement)
        key = (statement[0], tuple(lines))
        if key in seen:
            continue
        seen.add(key)
        mark = "READS A WHOLE TABLE  " if whole else ""
        loud += [name] * bool(whole)
        print(f"    {mark}{name}: " + "; ".join(re.sub(r"  \(cost.*?\)", "", line).strip() for line in lines), flush=True)
    print(f"  {len(seen)} plans; READ A WHOLE TABLE: {', '.join(loud) or 'none'}", flush=True)
    compare(facility, engine, asked, sessions)


def compare(facility, engine, asked, sessions):
    """Whether the service really sends these statements, by the log of a PostgreSQL server on this machine. SQLite has no
    log; its statements are put together by the same lines."""
    log = engine.log() if engine.name == "PostgreSQL" else None
    if log is None:
        return
    facility.kill()
    engine.psql(f"ALTER DATABASE {engine.database} SET log_statement = 'all'")
    facility.start()
    client = Http(facility)
    begin = log.stat().st_size
    for question in asked:
        client.call("GET", f"/logbook/{sessions[question.who[0]]}/{question.path}")
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode(errors="replace")
    sent = {statement.strip() for statement in re.findall(r"execute sqlx_s_\d+: (SELECT .*?)(?:--[a-z]*)?$", text, re.M)}
    missing = [question.name for question in asked if question.statement[0] not in sent]
    print(f"  {len(asked) - len(missing)} of {len(asked)} statements are those that the service sends, to the letter"
          f"{'; NOT: ' + ', '.join(missing) if missing else ''}", flush=True)
    facility.kill()
    engine.psql(f"ALTER DATABASE {engine.database} RESET log_statement")
    facility.start()

