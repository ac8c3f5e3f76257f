import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core import checks
from dcrgw.core.checks import Failed, Findings, Judgement, Report, Skipped, Verdict, in_brief, in_full
from dcrgw.errors import ErrorCode, Rejected


@pytest.fixture
def catalogue(monkeypatch):
    """An empty catalogue, so that the tests' own checks do not join the product's."""
    monkeypatch.setattr(checks, "CATALOGUE", {})
    return checks.CATALOGUE


def gate(id="a.b"):
    return checks.gate(id, "It holds", spec="RFC 0", code=ErrorCode.INVALID_CLIENT_METADATA)


def rule(outcome, id="rules.x"):
    @checks.check(id, spec="RFC 0", code=ErrorCode.INVALID_REDIRECT_URI)
    def judged(subject):
        """It holds."""
        return outcome

    return judged


def report():
    return Report("r", "i", "create", "uk", 0.0)


def test_an_id_is_dotted_lower_case_and_declared_once(catalogue):
    gate("a.b")
    for wrong in ("a.b", "nodots", "Upper.case", "a..b"):
        with pytest.raises(ValueError, match="check id"):
            gate(wrong)


def test_a_rule_without_a_sentence_cannot_be_declared(catalogue):
    with pytest.raises(ValueError, match="no sentence"):
        checks.check("a.b", spec="", code=ErrorCode.INVALID_REQUEST)(lambda subject: None)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (None, Verdict.PASSED),
        ("no", Verdict.FAILED),
        (Failed("no", "because"), Verdict.FAILED),
        (Skipped("n/a"), Verdict.SKIPPED),
    ],
)
def test_what_a_rule_returns_becomes_its_verdict(catalogue, outcome, verdict):
    assert rule(outcome)(object()).verdict is verdict


def test_all_failing_checks_of_a_stage_are_answered_together(catalogue):
    good, bad, worse = rule(None, "a.good"), rule("no", "a.bad"), rule("no", "a.worse")
    told = report()
    with pytest.raises(Rejected) as refused:
        told.run([bad, good, worse], object())
    assert [fault.check for fault in refused.value.faults] == ["a.bad", "a.worse"]
    assert [finding.check.id for finding in told.findings] == ["a.bad", "a.good", "a.worse"]


def test_an_empty_rule_set_never_passes(catalogue):
    with pytest.raises(AssertionError):
        report().run([], object())


def test_a_stage_without_a_value_never_passes(catalogue):
    with pytest.raises(AssertionError):
        report().settle(Judgement(Findings()))


def test_a_failed_stage_never_passes_even_with_a_value(catalogue):
    stage = Findings()
    stage.settle(gate(), "no")
    with pytest.raises(Rejected):
        report().settle(Judgement(stage, "value"))


def test_a_failed_stage_has_no_value(catalogue):
    stage = Findings()
    assert stage.settle(gate("a.one"), None)
    assert not stage.settle(gate("a.two"), "no")
    assert stage.judgement("value").value is None


def test_a_script_may_choose_the_wire_code_of_its_own_check(catalogue):
    finding = gate().failed("no", code=ErrorCode.INVALID_REDIRECT_URI)
    assert finding.fault.code is ErrorCode.INVALID_REDIRECT_URI


@given(st.text(max_size=700))
def test_a_description_on_the_wire_holds_only_what_rfc_6749_allows(text):
    safe = checks.wire_text(text)
    assert len(safe) <= 500
    assert all(" " <= letter <= "~" and letter not in '"\\' for letter in safe)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("description", ["", "a sentence"])
@pytest.mark.parametrize("detail", ["", "why not", " "])
def test_what_is_told_in_brief_says_as_much(verdict: Verdict, description: str, detail: str) -> None:
    entry = ("rules.some.check", verdict.value, description, detail)
    assert in_full(in_brief(entry)) == entry
