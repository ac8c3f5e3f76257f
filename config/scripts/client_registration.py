"""What a bank typically adds to a client that passed every built-in check.

The gateway has proven the certificate, the software statement and the request, and has asked the directory,
before this runs. So a script need not (and cannot) loosen any of that: it enriches, or it says no.

Properties:
    introspectionScript       the introspection script that shapes this client's JWT access tokens (required)
    clientIdFromCertificate   "true": the client_id is the certificate's common name (default "false")
    refusedOrganisations      org_ids, separated by blanks, that the bank does not serve (default none)
"""

from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        if not configurationAttributes.containsKey("introspectionScript"):
            print("Client registration. Property introspectionScript is not specified")
            return False

        def value_of(name, default):
            found = configurationAttributes.get(name)
            return default if found is None else found.getValue2()

        self.introspection_script = value_of("introspectionScript", "")
        self.client_id_from_certificate = value_of("clientIdFromCertificate", "false") == "true"
        self.refused_organisations = frozenset(value_of("refusedOrganisations", "").split())
        return True

    def createClient(self, context):
        self.refuse_unserved(context)
        client = context.client
        if self.client_id_from_certificate:
            client.setClientId(context.identity.common_name)

        # Consent is the bank's own page's work, for every payment and every account access anew.
        client.setTrustedClient(True)
        client.setPersistClientAuthorizations(False)

        client.setAccessTokenAsJwt(True)
        client.getAttributes().setRunIntrospectionScriptBeforeJwtCreation(True)
        client.getAttributes().setIntrospectionScripts([self.introspection_script])
        return True

    def updateClient(self, context):
        self.refuse_unserved(context)
        return True

    def refuse_unserved(self, context):
        statement = context.software_statement
        if statement is not None and statement.org_id in self.refused_organisations:
            context.reject("unapproved_software_statement", "this bank does not serve the organisation")

    def destroy(self, configurationAttributes):
        return True
