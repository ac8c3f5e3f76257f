"""One type of authorization_details (RFC 9396): payment_initiation. The script's name is the type.

A script of the type authz_detail. payment_initiation.schema.json beside it has judged the form before: here is what a
schema cannot know. The words for the consent page are made here, from what was judged: a client's own
`ui_representation` would let it write its own consent text.

Properties:
    currencies      what the bank pays in, separated by blanks (default "GBP EUR")
    largestAmount   the most that one payment may move (default "10000")
"""

from decimal import Decimal

from dcrgw.scripting.types import AuthzDetailType

WORDS = {
    "en": "Pay {amount} {currency} to {name} ({account})",
    "pt": "Pagar {amount} {currency} a {name} ({account})",
}
FROM = {"en": ", from your account {account}", "pt": ", da sua conta {account}"}
#: Of an IBAN's letters: A is 10, Z is 35.
DIGITS = str.maketrans({chr(ord("A") + i): str(10 + i) for i in range(26)})
PURPOSE = {"en": '. Reference: "{text}"', "pt": '. Referência: "{text}"'}


class AuthzDetail(AuthzDetailType):
    def init(self, customScript, configurationAttributes):
        def value_of(name, default):
            found = configurationAttributes.get(name)
            return default if found is None else found.getValue2()

        self.currencies = frozenset(value_of("currencies", "GBP EUR").split())
        self.largest = Decimal(value_of("largestAmount", "10000"))
        return bool(self.currencies)

    def validateDetail(self, context):
        detail = context.detail.json
        paid = detail["instructedAmount"]
        if not 0 < Decimal(paid["amount"]) <= self.largest:
            context.fault("/instructedAmount/amount", "is not an amount that this bank pays at once")
        if paid["currency"] not in self.currencies:
            context.fault("/instructedAmount/currency", "is not a currency that this bank pays in")
        for name in ("creditorAccount", "debtorAccount"):
            if name in detail and not is_iban(detail[name]["iban"]):
                context.fault("/" + name + "/iban", "is not an IBAN: its check digits are wrong")
        if sum(one.type == context.detail.type for one in context.siblings) > 1:
            context.fault("", "one consent is for one payment")
        return True

    def getUiRepresentation(self, context):
        detail = context.detail.json
        paid, creditor = detail["instructedAmount"], detail["creditorAccount"]["iban"]
        text = context.in_words(WORDS).format(
            amount=paid["amount"], currency=paid["currency"], name=detail["creditorName"], account=grouped(creditor)
        )
        if "debtorAccount" in detail:
            text += context.in_words(FROM).format(account=grouped(detail["debtorAccount"]["iban"]))
        if "remittanceInformationUnstructured" in detail:
            text += context.in_words(PURPOSE).format(text=detail["remittanceInformationUnstructured"])
        return text

    def destroy(self, configurationAttributes):
        return True


def is_iban(text):
    """Whether its check digits are right (ISO 13616, ISO 7064 MOD 97-10)."""
    return int((text[4:] + text[:4]).translate(DIGITS)) % 97 == 1


def grouped(text):
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))
