"""A bank that opens its accounts and nothing else: who asks for more is told so, before a client exists.

A script of the type client_registration, which runs beside others: give it a higher level, so that it says no first.

Properties:
    scopes   the scopes that may be registered, separated by blanks (default "openid accounts")
"""

from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        found = configurationAttributes.get("scopes")
        self.scopes = frozenset((found.getValue2() if found else "openid accounts").split())
        return bool(self.scopes)

    def createClient(self, context):
        return self.judge(context)

    def updateClient(self, context):
        return self.judge(context)

    def judge(self, context):
        if not self.scopes.issuperset(context.client.getScopes()):
            context.reject("invalid_client_metadata", "scope: this bank registers " + " ".join(sorted(self.scopes)))
        return True

    def destroy(self, configurationAttributes):
        return True
