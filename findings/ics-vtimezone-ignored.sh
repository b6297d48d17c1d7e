#!/usr/bin/env bash
# ics 0.7.3: a time whose TZID is not a name of the IANA database but is defined by a VTIMEZONE in the same calendar is read
# as UTC. Expected: RFC 5545 (3.2.19) makes the VTIMEZONE of the calendar the definition of a TZID. The library does parse it,
# and reads the event as UTC all the same, without an error or a warning.
# Why it matters: Outlook and Exchange name zones in their own way, "W. Europe Standard Time" for one, and beam time is planned
# in them. A portal that imports such a calendar is off by an hour in winter and two in summer.
# Seen: 08:00 in summer at UTC+2, which is 06:00 UTC, is read as 08:00 UTC; with TZID=Europe/Paris it is read as 06:00 UTC.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check ics==0.7.3
cat >"$dir/main.py" <<'PY'
import warnings
import ics

warnings.simplefilter("error", UserWarning)
for zone in ("W. Europe Standard Time", "Europe/Paris"):
    text = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example Light Source//Beam time//EN
BEGIN:VTIMEZONE
TZID:{zone}
BEGIN:STANDARD
DTSTART:20001029T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20000326T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:beam-time-1@example.org
DTSTAMP:20240301T000000Z
DTSTART;TZID={zone}:20240701T080000
DTEND;TZID={zone}:20240701T160000
SUMMARY:Beam time
END:VEVENT
END:VCALENDAR
"""
    (event,) = ics.Calendar(text.replace("\n", "\r\n")).events
    print(f"{zone}: {event.begin.to('UTC').isoformat()}")
PY
out=$("$dir/venv/bin/python" "$dir/main.py")
echo "$out"
[ "$out" = 'W. Europe Standard Time: 2024-07-01T08:00:00+00:00
Europe/Paris: 2024-07-01T06:00:00+00:00' ]
