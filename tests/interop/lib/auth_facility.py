"""A facility whose people log in through the product, with accounts of its own and an embedded catalogue."""

from filled_suite import FilledSuite

PEOPLE = ["root", "alice", "bob", "admin"]


class AuthFacility(FilledSuite):
    """`settings` is added to undulator.toml; `env` to the variables."""

    def __init__(self, settings="", postgres=None, **env):
        super().__init__()
        self.postgres = postgres
        self.env |= {**env, **(postgres.env if postgres else {})}
        self.settings = settings
        self.env |= {
            "UNDULATOR_PUBLIC_URL": self.url,
            "UNDULATOR_IDENTITY__ADMINISTRATORS": '["simple/admin"]',
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
        }

    def start(self, *prefix):
        (self.dir / "undulator.toml").write_text(self.settings)
        if not self.passwords:
            for name in PEOPLE:
                self.add_user(f"simple/{name}")
            self.env["UNDULATOR_ICAT__READER"] = f"simple:root:{self.passwords['simple/root']}"
        super().start(*prefix)

    def fill(self):
        self.root = self.login("simple/root")
        names = [{"name": f"simple/{name}", "fullName": f"{name.title()} Example"} for name in PEOPLE if name != "root"]
        self.create("User", *names)
        self.create("Rule", {"crudFlags": "R", "what": "User"})
