"""A trivial interception script: it says yes and marks the client, as most banks' scripts do at the least."""

from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def createClient(self, context):
        context.client.setTrustedClient(False)
        return True

    def updateClient(self, context):
        return True

    def destroy(self, configurationAttributes):
        return True
