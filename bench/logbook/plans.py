"""How an engine goes about each statement: which index it uses, and, loudly, what it reads whole."""

import questions


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
        print(f"    {mark}{name}: " + "; ".join(line.strip() for line in lines), flush=True)
    print(f"  {len(seen)} plans, of which {len(loud)} read a whole table: {', '.join(loud) or 'none'}", flush=True)
    return loud
