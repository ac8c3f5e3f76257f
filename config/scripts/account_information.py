"""One type of authorization_details: account_information. A token request may ask for fewer actions than were granted.

Properties:
    longestDays     how many days ahead validUntil may lie (default "180")
"""

from datetime import UTC, date, datetime, timedelta

from dcrgw.scripting.types import AuthzDetailType

WORDS = {"en": "Until {until}, see {what}", "pt": "Até {until}, ver {what}"}
ACTIONS = {
    "list_accounts": {"en": "which accounts you have", "pt": "quais contas você tem"},
    "read_balances": {"en": "your balances", "pt": "os seus saldos"},
    "read_transactions": {"en": "your transactions", "pt": "as suas transações"},
}


class AuthzDetail(AuthzDetailType):
    def init(self, customScript, configurationAttributes):
        found = configurationAttributes.get("longestDays")
        self.longest = timedelta(days=int(found.getValue2()) if found is not None else 180)
        return True

    def validateDetail(self, context):
        detail, today = context.detail.json, datetime.now(UTC).date()
        if not today <= date.fromisoformat(detail["validUntil"]) <= today + self.longest:
            context.fault("/validUntil", "is past, or further ahead than this bank grants")
        if "list_accounts" not in detail["actions"]:
            context.fault("/actions", "needs list_accounts: the others are about accounts on the list")
        return True

    def getUiRepresentation(self, context):
        detail = context.detail.json
        what = ", ".join(context.in_words(ACTIONS[each]) for each in detail["actions"])
        return context.in_words(WORDS).format(until=detail["validUntil"], what=what)

    def narrowsDetail(self, context):
        wanted, granted = dict(context.detail.json), dict(context.granted.json)
        fewer = set(wanted.pop("actions")) <= set(granted.pop("actions"))
        return fewer and wanted == granted

    def destroy(self, configurationAttributes):
        return True
