"""One type of authorization_details: payments of varying amounts to one creditor, within limits (a VRP).

Its property `type` may name the type by a URI; a token request may ask for smaller amounts than were granted.

Properties:
    type                the type, where it is not the script's name
    largestYearlyAmount the most that a year may move (default "50000")
"""

from datetime import UTC, date, datetime
from decimal import Decimal

from dcrgw.scripting.types import AuthzDetailType

WORDS = {
    "en": "Until {to}, pay {name} ({account}) whenever they ask: at most {each} {currency} at once, {limits}",
    "pt": "Até {to}, pagar a {name} ({account}) sempre que pedir: no máximo {each} {currency} de cada vez, {limits}",
}
LIMIT = {
    "Day": {"en": "{amount} a day", "pt": "{amount} por dia"},
    "Week": {"en": "{amount} a week", "pt": "{amount} por semana"},
    "Month": {"en": "{amount} a month", "pt": "{amount} por mês"},
    "Year": {"en": "{amount} a year", "pt": "{amount} por ano"},
}
TIMES_A_YEAR = {"Day": 366, "Week": 53, "Month": 12, "Year": 1}


class AuthzDetail(AuthzDetailType):
    def init(self, customScript, configurationAttributes):
        found = configurationAttributes.get("largestYearlyAmount")
        self.largest = Decimal(found.getValue2() if found is not None else "50000")
        return True

    def validateDetail(self, context):
        detail = context.detail.json
        limits, each = detail["periodicLimits"], Decimal(detail["maximumIndividualAmount"])
        if each <= 0:
            context.fault("/maximumIndividualAmount", "must be more than nothing")
        periods = [limit["period"] for limit in limits]
        for i, limit in enumerate(limits):
            if periods.index(limit["period"]) != i:
                context.fault(f"/periodicLimits/{i}/period", "has a limit already")
            if Decimal(limit["amount"]) < each:
                context.fault(f"/periodicLimits/{i}/amount", "is less than one payment may be")
        yearly = min(Decimal(limit["amount"]) * TIMES_A_YEAR[limit["period"]] for limit in limits)
        if yearly > self.largest:
            context.fault("/periodicLimits", "lets more pass in a year than this bank grants")
        if date.fromisoformat(detail["validTo"]) < datetime.now(UTC).date():
            context.fault("/validTo", "is past")
        return True

    def getUiRepresentation(self, context):
        detail = context.detail.json
        said = [
            context.in_words(LIMIT[each["period"]]).format(amount=each["amount"]) for each in detail["periodicLimits"]
        ]
        return context.in_words(WORDS).format(
            to=detail["validTo"],
            name=detail["creditorName"],
            account=detail["creditorAccount"]["iban"],
            each=detail["maximumIndividualAmount"],
            currency=detail["currency"],
            limits=", ".join(said),
        )

    def narrowsDetail(self, context):
        wanted, granted = dict(context.detail.json), dict(context.granted.json)
        most, least = Decimal(granted.pop("maximumIndividualAmount")), Decimal(wanted.pop("maximumIndividualAmount"))
        limits = {each["period"]: Decimal(each["amount"]) for each in wanted.pop("periodicLimits")}
        held = {each["period"]: Decimal(each["amount"]) for each in granted.pop("periodicLimits")}
        # Every limit that was granted stays, none grows, and there may be more of them.
        return least <= most and all(limits.get(one, held[one] + 1) <= held[one] for one in held) and wanted == granted

    def destroy(self, configurationAttributes):
        return True
