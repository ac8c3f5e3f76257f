"""Adds to what an API learns of a token: the consent that it stands for, and what the bank knows of the client.

A script of the type introspection. It runs for clients whose attribute `introspection_scripts` names it, and for all
clients that have no such attribute. What only the server knows (active, scope, exp, cnf ...) may not be touched.

Properties:
    keepOutOfTokens   "true": the additions stay in the introspection answer, and enter no JWT access token
"""

from dcrgw.scripting.types import IntrospectionType


class Introspection(IntrospectionType):
    def init(self, customScript, configurationAttributes):
        found = configurationAttributes.get("keepOutOfTokens")
        self.keeps_out = found is not None and found.getValue2() == "true"
        return True

    def modifyResponse(self, responseAsJsonObject, context):
        for detail in responseAsJsonObject.optJSONArray("authorization_details") or []:
            if isinstance(detail, dict) and isinstance(detail.get("identifier"), str):
                responseAsJsonObject.put("openbanking_intent_id", detail["identifier"])
                break
        tier = context.client.get("attributes", {}).get("tier")
        if tier is not None:
            responseAsJsonObject.put("tpp_tier", tier)
        if self.keeps_out:
            context.setTranferIntrospectionPropertiesIntoJwtClaims(False)
        return True

    def destroy(self, configurationAttributes):
        return True
