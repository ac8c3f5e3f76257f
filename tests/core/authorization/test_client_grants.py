from __future__ import annotations

import pytest
from as_stories import client, market

from dcrgw.core.authorization.grants import Allowed, grant_type, own_right
from dcrgw.core.checks import Judgement
from dcrgw.errors import ErrorCode


def judged(form: dict[str, str], **members: object) -> Judgement[Allowed]:
    asked = {k: v for k, v in {"grant_type": "client_credentials", **form}.items() if v}
    asking = client("tls_client_auth", members=members)
    kind = grant_type(asked, asking, market())
    return Judgement(kind.findings) if kind.failures else own_right(asked, asking, ())


@pytest.mark.parametrize(
    ("form", "members", "check", "code"),
    [
        ({"grant_type": ""}, {}, "token.grant.named", ErrorCode.INVALID_REQUEST),
        ({"grant_type": "password"}, {}, "token.grant.supported", ErrorCode.UNSUPPORTED_GRANT_TYPE),
        ({"grant_type": "CLIENT_CREDENTIALS"}, {}, "token.grant.supported", ErrorCode.UNSUPPORTED_GRANT_TYPE),
        ({}, {"grant_types": ["authorization_code"]}, "token.grant.registered", ErrorCode.UNAUTHORIZED_CLIENT),
        ({}, {"grant_types": None}, "token.grant.registered", ErrorCode.UNAUTHORIZED_CLIENT),
        ({"scope": "accounts  openid"}, {}, "token.scope.form", ErrorCode.INVALID_SCOPE),
        ({"scope": 'a"b'}, {}, "token.scope.form", ErrorCode.INVALID_SCOPE),
        ({"scope": "payments"}, {}, "token.scope.registered", ErrorCode.INVALID_SCOPE),
        ({"scope": "account"}, {}, "token.scope.registered", ErrorCode.INVALID_SCOPE),
        ({"scope": "accounts"}, {"scope": None}, "token.scope.registered", ErrorCode.INVALID_SCOPE),
    ],
)
def test_grant_beyond_the_registered_is_refused(form: dict, members: dict, check: str, code: ErrorCode) -> None:
    judgement = judged(form, **members)
    assert [(f.check.id, f.check.code, f.check.status) for f in judgement.failures] == [(check, code, 400)]
    assert judgement.value is None


@pytest.mark.parametrize(
    ("scope", "granted"),
    [("accounts", ("accounts",)), ("openid accounts", ("openid", "accounts")), ("", ("accounts",))],
)
def test_scope_is_granted_within_the_registered_one(scope: str, granted: tuple[str, ...]) -> None:
    grant = judged({"scope": scope}).value
    assert grant is not None
    assert (grant.scope, grant.details, grant.grant) == (granted, (), None)


def test_client_without_scope_is_granted_none() -> None:
    grant = judged({}, scope=None).value
    assert grant is not None
    assert grant.scope == ()
