"""Gives a scope to clients whose redirect URIs are all of known hosts: the classic sample of Janssen and Gluu.

A script of the type client_registration. The scope that it adds is judged by the market's rules like one that was
asked for: a scope that the software's roles do not allow makes the registration fail.

Properties:
    redirectHosts   hosts, separated by blanks (required)
    scope           the scope that they get (required)
"""

from urllib.parse import urlsplit

from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        for name in ("redirectHosts", "scope"):
            if not configurationAttributes.containsKey(name):
                print("Scope by redirect host. Property", name, "is not specified")
                return False
        self.hosts = frozenset(configurationAttributes.get("redirectHosts").getValue2().lower().split())
        self.scope = configurationAttributes.get("scope").getValue2()
        return True

    def createClient(self, context):
        return self.give_scope(context.client)

    def updateClient(self, context):
        return self.give_scope(context.client)

    def give_scope(self, client):
        # All of them: one foreign URI among them would let the scope's codes go elsewhere.
        hosts = {urlsplit(uri).hostname for uri in client.redirect_uris or []}
        scopes = client.getScopes()
        if hosts and hosts <= self.hosts and self.scope not in scopes:
            client.setScopes([*scopes, self.scope])
        return True

    def destroy(self, configurationAttributes):
        return True
