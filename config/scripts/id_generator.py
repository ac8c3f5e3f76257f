"""Client ids by the bank's own scheme: a prefix, the kind of thing, and sixteen characters that nobody can guess.

A script of the type id_generator. What it makes must be 1 to 36 letters, digits, `.`, `_` or `-`; None leaves the id
to the gateway. It may run in several processes at once, so ids are random, not counted.

Properties:
    prefix   what every id begins with (default "TPP")
"""

import secrets

from dcrgw.scripting.types import IdGeneratorType

#: Without letters and digits that people take for one another, so that an id can be read out.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class IdGenerator(IdGeneratorType):
    def init(self, customScript, configurationAttributes):
        found = configurationAttributes.get("prefix")
        self.prefix = found.getValue2() if found else "TPP"
        return 0 < len(self.prefix) <= 12

    def generateId(self, appId, idType, idPrefix, configurationAttributes):
        if idType != "client":
            return None
        return self.prefix + "-" + "".join(secrets.choice(ALPHABET) for _ in range(16))

    def destroy(self, configurationAttributes):
        return True
