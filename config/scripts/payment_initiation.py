"""One type of authorization_details (RFC 9396): payment_initiation. The script's name is the type.

A script of the type authz_detail. The words for the consent page are made here, from what was judged: a client's own
`ui_representation` would let it write its own consent text.

Properties:
    currencies      what the bank pays in, separated by blanks (default "GBP EUR")
    largestAmount   the most that one payment may move (default "10000")
"""

import re
from decimal import Decimal

from dcrgw.scripting.types import AuthzDetailType

AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,5})?")
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


class AuthzDetail(AuthzDetailType):
    def init(self, customScript, configurationAttributes):
        def value_of(name, default):
            found = configurationAttributes.get(name)
            return default if found is None else found.getValue2()

        self.currencies = frozenset(value_of("currencies", "GBP EUR").split())
        self.largest = Decimal(value_of("largestAmount", "10000"))
        return bool(self.currencies)

    def validateDetail(self, context):
        detail = context.getAuthzDetail().getJsonObject()
        paid = detail.optJSONObject("instructedAmount")
        creditor = detail.optJSONObject("creditorAccount")
        if paid is None or creditor is None:
            self.refuse(context, "instructedAmount and creditorAccount must be objects")
        amount = paid.optString("amount")
        if not AMOUNT.fullmatch(amount) or not 0 < Decimal(amount) <= self.largest:
            self.refuse(context, "instructedAmount.amount is not an amount that this bank pays")
        if paid.get("currency") not in self.currencies:
            self.refuse(context, "instructedAmount.currency is not one that this bank pays in")
        if not IBAN.fullmatch(creditor.optString("iban")):
            self.refuse(context, "creditorAccount.iban is not an IBAN")
        name = detail.get("creditorName")
        if not isinstance(name, str) or not 0 < len(name) <= 70 or not name.isprintable():
            self.refuse(context, "creditorName is missing, too long, or holds what cannot be shown")
        if sum(one.type == context.detail.type for one in context.siblings) > 1:
            self.refuse(context, "one consent is for one payment")
        return True

    def refuse(self, context, what):
        context.reject("invalid_authorization_details", "authorization_details[" + str(context.index) + "]: " + what)

    def getUiRepresentation(self, context):
        detail = context.getAuthzDetail().getJsonObject()
        paid, creditor = detail.getJSONObject("instructedAmount"), detail.getJSONObject("creditorAccount")
        return "Pay {} {} to {} ({})".format(
            paid.getString("amount"), paid.getString("currency"), detail.getString("creditorName"), creditor["iban"]
        )

    def destroy(self, configurationAttributes):
        return True
