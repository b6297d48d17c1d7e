"""A server whose catalogue is filled when it is entered."""

import json

from suite import Suite


class FilledSuite(Suite):
    """`fill` logs root in as `self.root` and creates what is needed."""

    def __enter__(self):
        self.start()
        try:
            self.fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def create(self, entity, *rows):
        """Creates rows as root; references to them."""
        form = {"sessionId": self.root, "entities": json.dumps([{entity: row} for row in rows])}
        status, _, body = self.request("POST", "/icat/entityManager", form=form)
        assert status == 200, (entity, status, body)
        return [{"id": id} for id in json.loads(body)]
