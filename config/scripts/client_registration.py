"""What a bank in Open Banking does with a registration that passed every built-in check.

The gateway has proven the certificate, the software statement and the request, and has judged them by the market's
rules, before this runs. So a script need not (and cannot) loosen any of that: it enriches, or it says no.

Properties:
    introspectionScript       name or inum of the introspection script for this client's tokens (required)
    authenticationMethods     methods that the bank takes (default "tls_client_auth private_key_jwt")
    scopes                    scopes that the bank serves; others are not registered (default: all that were asked for)
    askDirectory              "false": the directory's word on the TPP is not asked here (default "true")
    clientIdFromCertificate   "true": the client_id is the CN of an OBTransport certificate (default "false")
    refusedOrganisations      org_ids, separated by blanks, that the bank does not serve (default none)
"""

from dcrgw.scripting.contexts import CertUtils
from dcrgw.scripting.types import ClientRegistrationType

#: Which regulated role each scope needs.
ROLES = {"accounts": "AISP", "payments": "PISP", "fundsconfirmations": "CBPII"}


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        def value_of(name, default):
            found = configurationAttributes.get(name)
            return default if found is None else found.getValue2()

        if not configurationAttributes.containsKey("introspectionScript"):
            print("Client registration. Property introspectionScript is not specified")
            return False
        self.introspection_script = value_of("introspectionScript", "")
        self.methods = frozenset(value_of("authenticationMethods", "tls_client_auth private_key_jwt").split())
        self.scopes = frozenset(value_of("scopes", "").split())
        self.asks_directory = value_of("askDirectory", "true") == "true"
        self.client_id_from_certificate = value_of("clientIdFromCertificate", "false") == "true"
        self.refused_organisations = frozenset(value_of("refusedOrganisations", "").split())
        return True

    def createClient(self, context):
        self.judge(context)
        client = context.client
        # The CN identifies the software in an OBTransport certificate only; in an OBWAC it is the organisation's name.
        if self.client_id_from_certificate and context.identity.kind == "obtransport":
            client.setClientId(context.identity.common_name)
        self.enrich(context)
        return True

    def updateClient(self, context):
        # A replaced registration is judged like a new one: a TPP that lost a role does not keep it by a PUT.
        self.judge(context)
        self.enrich(context)
        return True

    def judge(self, context):
        statement = context.software_statement
        if statement is not None and statement.org_id in self.refused_organisations:
            context.reject("unapproved_software_statement", "this bank does not serve the organisation")
        self.judge_authentication(context)
        if self.asks_directory and statement is not None:
            self.judge_standing(context)

    def judge_authentication(self, context):
        method = context.client.getAuthenticationMethod()
        if method not in self.methods:
            context.reject("invalid_client_metadata", "token_endpoint_auth_method is not one that this bank takes")
        if method == "tls_client_auth":
            asked = context.register_request.getTlsClientAuthSubjectDn() or ""
            if not CertUtils.equalsRdn(asked, context.identity.subject_dn):
                context.reject("invalid_client_metadata", "tls_client_auth_subject_dn is not the certificate's subject")

    def judge_standing(self, context):
        standing = context.directory.standing()
        if not standing.is_good:
            context.reject("unapproved_software_statement", "the directory does not vouch for the software")
        # None: this directory tells no authorisations, and the market's own rules have decided without them.
        if standing.authorisations is None:
            return
        for scope in context.client.getScopes():
            if scope in ROLES and not standing.authorises(ROLES[scope]):
                context.reject("unapproved_software_statement", "no regulator authorises the role for scope " + scope)

    def enrich(self, context):
        client, statement = context.client, context.software_statement
        if self.scopes:
            client.setScopes([scope for scope in client.getScopes() if scope in self.scopes])
        # The software's own keys, not the organisation's: those of its other products prove nothing here.
        if client.jwks_uri is None and client.jwks is None and statement is not None:
            client.setJwksUri(statement.claims.getClaimAsString("software_jwks_endpoint"))

        # Consent is the bank's own page's work, for every payment and every account access anew.
        client.setTrustedClient(True)
        client.setPersistClientAuthorizations(False)

        client.setAccessTokenAsJwt(True)
        client.getAttributes().setRunIntrospectionScriptBeforeJwtCreation(True)
        client.getAttributes().setIntrospectionScripts([self.introspection_script])

    def isCertValidForClient(self, cert, context):
        # A renewed certificate may carry another O or OU; the CN of an OBTransport is the software's id for good.
        return context.identity.kind == "obtransport" and context.identity.common_name == context.client.software_id

    def destroy(self, configurationAttributes):
        return True
