#!/usr/bin/env python3
"""A crowd of users at a process with small limits: a call that is let in is answered, because what its service asks the
catalogue of the same process counts against no limit, and nobody gets 500 or 502.

    tests/interop/suite/test_limits_of_own_calls.py
"""

import collections
import concurrent.futures
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from demo_server import Demo

CALLS = 1000
BURST = 100


def main():
    with Demo() as demo:
        demo.start("--quiet-beamline")
        session = demo.login("db/alice")
        (investigation,) = demo.search(session, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-2417'")
        # The history of the logbook has been written; from now on the crowd is alone.
        demo.stop()
        demo.env["UNDULATOR_HTTP__LIMITS__RATE"] = "1"
        demo.env["UNDULATOR_HTTP__LIMITS__BURST"] = str(BURST)
        demo.env["UNDULATOR_HTTP__LIMITS__CONCURRENCY"] = "8"
        demo.start("--quiet-beamline")
        query = {"sessionId": session, "investigationIds": investigation}

        def call_server(_):
            status, headers, body = demo.request("GET", "/ids/getSize", query)
            if status in (429, 503):
                assert headers["Retry-After"], (status, headers)
            return status, b"busy" in body or b"at once" in body

        with concurrent.futures.ThreadPoolExecutor(64) as crowd:
            answers = collections.Counter(crowd.map(call_server, range(CALLS)))
        statuses = collections.Counter()
        for (status, busy), count in answers.items():
            statuses[status] += count
            assert status in (200, 429) or (status == 503 and busy), answers
        # Each is counted once, however many questions it leads to.
        assert statuses[200] + statuses[503] > BURST / 2, statuses
        assert statuses[429] > 0, f"the control: {statuses}"
        print(f"{CALLS} calls: {dict(statuses)}")


if __name__ == "__main__":
    main()
