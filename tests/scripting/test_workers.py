"""What a script may do in its worker, which costs one call and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
import pytest_asyncio
from scripting_builders import body, call, entry, source

from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.facts import facts_of_call
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.host import ask_nothing
from dcrgw.scripting.pool import WorkerRunner, WorkerScript
from dcrgw.scripting.template import Hired

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALL = MethodCall("createClient", facts_of_call(call()), "the-request")
#: Long for a script, short for a test: only what never ends reaches it.
DEADLINE_S = 0.7
#: For what must end by itself, however busy the machine is.
PATIENCE_S = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[WorkerRunner]:
    runner = WorkerRunner(WorkerSettings(memory_bytes=64 * 1024 * 1024, load_s=PATIENCE_S, most=2), quiet)
    yield runner
    await runner.close()


def quiet(*_: Any, **__: Any) -> None:
    pass


async def loaded(workers: WorkerRunner, folder: Path, create: str, name: str = "script") -> WorkerScript:
    return await workers.load(entry(folder, source(body(create)), name), {})


async def ask(script: WorkerScript, deadline_s: float = PATIENCE_S) -> MethodAnswer:
    return await script.call(CALL, ask_nothing, deadline_s)


HARM = {
    "an endless loop": "while True: pass",
    "an endless loop that takes all": "try:\n    while True: pass\nexcept BaseException:\n    while True: pass",
    "sleeping": "import time; time.sleep(99)",
    "a blocked read": "import os\nr, w = os.pipe()\nos.read(r, 1)",
    "a flood past print": "import os\nwhile True: os.write(1, b'x' * 65536)",
    "os._exit": "import os; os._exit(0)",
    "os.abort": "import os; os.abort()",
    "a segmentation fault": "import ctypes; ctypes.string_at(0)",
    "its own end": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "a closed pipe": "import os; os.closerange(3, 64)",
    "noise in the pipe": "import os; os.write(3, b'\\xff' * 64)",
    "a forged answer": """
        import json, os, struct
        told = json.dumps({"answer": 999999, "returned": True}).encode()
        os.write(3, struct.pack(">I", len(told)) + told)
        """,
    "an answer of another form": """
        import json, os, struct
        for n in range(100):
            told = json.dumps({"answer": n, "returned": True, "changes": [1]}).encode()
            os.write(3, struct.pack(">I", len(told)) + told)
        """,
    "sys.exit": "import sys; sys.exit(0)",
    "BaseException": "raise BaseException('s3cret')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "a hog": "x = bytearray(1 << 30)",
    "a slow hog": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "recursion": "def f(): f()\nf()",
    "endless JSON": "x = []\nx.append(x)\ncontext.client.attributes['x'] = x\nreturn True",
    "an answer too long": "context.client.attributes['x'] = 'x' * 5_000_000\nreturn True",
    "an answer of too many values": "context.client.attributes['x'] = [0] * 100_000\nreturn True",
    "too many values past the form": """
        import os, struct
        told = b'{"x":[' + b"[]," * 300_000 + b"[]]}"
        os.write(3, struct.pack(">I", len(told)) + told)
        """,
    "a process": "import os; os.fork()",
    "a thread": "import threading; threading.Thread(target=print).start()",
    "a fork bomb": "import os\nwhile True:\n    os.fork()",
    "a program": "import subprocess; subprocess.run(['true'])",
    "another session": "import os; os.setsid()",
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
async def test_harm_costs_the_call_that_does_it_and_the_next_one_is_served(
    workers: WorkerRunner, tmp_path: Path, harm: str
) -> None:
    # The first call does no harm, so the harm meets a worker that serves.
    script = await loaded(workers, tmp_path, f"if 'harm' in context.market:\n{_indented(harm)}\nreturn True")
    assert (await ask(script)).returned is True
    with pytest.raises(ScriptFailed) as failed:
        await script.call(harmful(), ask_nothing, DEADLINE_S)
    assert "script script (" in failed.value.what
    assert "s3cret" not in failed.value.what
    assert (await ask(script)).returned is True
    assert await script.close()


def harmful() -> MethodCall:
    return MethodCall("createClient", {**CALL.facts, "market": "harm"}, "the-request")


def _indented(text: str) -> str:
    return indent(dedent(text).strip(), "    ")


FORBIDDEN = {
    "a socket": "import socket; socket.socket()",
    "a socket pair's connect": "import socket; a, b = socket.socketpair(); a.connect('/run/x')",
    "a name": "import socket; socket.create_connection(('localhost', 80))",
    "the gateway's environment": "open(f'/proc/{GATEWAY}/environ', 'rb').read()",
    "the gateway's memory": "open(f'/proc/{GATEWAY}/mem', 'rb').read(1)",
    "the template's environment": "import os; open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "a keystore": "open(KEYSTORE, 'rb').read()",
    "a password file": "open('/etc/passwd').read()",
    "a listing of the root": "import os; os.listdir('/')",
    "writing a file": "open(FOLDER + '/written', 'w').write('x')",
    "writing in /tmp": "open('/tmp/dcrgw-written', 'w').write('x')",
    "a signal to the gateway": "import os, signal; os.kill(GATEWAY, signal.SIGTERM)",
    "a signal to the template": "import os, signal; os.kill(os.getppid(), signal.SIGTERM)",
    "a signal to everybody": "import os, signal; os.kill(-1, signal.SIGTERM)",
    "tracing the gateway": (
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.ptrace(16, GATEWAY, 0, 0) < 0: raise PermissionError(ctypes.get_errno())"
    ),
    "the gateway's limits": "import resource; resource.prlimit(GATEWAY, resource.RLIMIT_NOFILE, (1, 1))",
    "a signal by a file's owner": "import fcntl, os\nfcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, GATEWAY)",
    "a signal by an ioctl": "import fcntl, os\nfcntl.ioctl(os.pipe()[0], 0x8901, b'1234')",
    "a mode": "import os; os.chmod(KEYSTORE, 0o777)",
    "an owner": "import os; os.chown(KEYSTORE, os.getuid(), os.getgid())",
    "a file's times": "import os; os.utime(KEYSTORE, (1, 1))",
    "an attribute": "import os; os.setxattr(KEYSTORE, 'user.x', b'1')",
    "a shorter file": "import os; os.truncate(KEYSTORE, 0)",
    "another name": "import os; os.rename(KEYSTORE, KEYSTORE + '.old')",
    "a program in memory": "import os; os.memfd_create('x')",
    "watching a folder": (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.inotify_init() < 0: raise PermissionError(ctypes.get_errno())"
    ),
    "a routing socket": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "a ring": (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.syscall(425, 1, ctypes.create_string_buffer(256)) < 0: raise PermissionError(ctypes.get_errno())"
    ),
    "more memory": "import resource; resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)",
    "another user": "import os; os.setuid(12345)",
}


@pytest.mark.parametrize("forbidden", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_what_is_not_a_scripts_business_is_refused_by_the_kernel(
    workers: WorkerRunner, tmp_path: Path, forbidden: str
) -> None:
    keystore = tmp_path / "certs" / "bank.p12"
    keystore.parent.mkdir()
    keystore.write_bytes(b"secret")
    folder = tmp_path / "scripts"
    folder.mkdir()
    known = f"GATEWAY, KEYSTORE, FOLDER = {os.getpid()}, {str(keystore)!r}, {str(folder)!r}\n"
    script = await loaded(
        workers,
        folder,
        f"{known}try:\n{_indented(forbidden)}\nexcept (PermissionError, ValueError, OSError) as refused:\n"
        "    context.client.attributes['refused'] = type(refused).__name__\nreturn True",
    )
    answer = await ask(script)
    attributes = answer.changes.get("attributes")
    assert isinstance(attributes, dict), "it was allowed"
    assert attributes["refused"] in ("PermissionError", "ValueError", "gaierror")
    await script.close()


async def test_a_worker_has_an_empty_environment_and_no_file_of_the_gateway_open(
    workers: WorkerRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANK_PASSWORD", "s3cret")
    text = """
    import os
    open_ones = []
    for n in range(64):
        try:
            os.fstat(n)
            open_ones.append(n)
        except OSError:
            pass
    context.client.attributes.update(environment=sorted(os.environ), files=open_ones)
    return True
    """
    script = await loaded(workers, tmp_path, text)
    attributes: Any = (await ask(script)).changes["attributes"]
    assert not {"BANK_PASSWORD", "HOME", "PATH"} & set(attributes["environment"])
    assert attributes["files"] == [0, 1, 2, 3]
    await script.close()


async def test_a_script_reads_what_lies_beside_it(workers: WorkerRunner, tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text("from the table")
    text = f"context.client.attributes['read'] = open({str(tmp_path / 'table.txt')!r}).read()\nreturn True"
    script = await loaded(workers, tmp_path, text)
    assert (await ask(script)).changes["attributes"] == {"read": "from the table"}
    await script.close()


async def test_every_wall_stands_on_this_machine_or_says_why_not(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "return True")
    assert set(workers.confinement) == {
        "adopts_orphans",
        "capabilities",
        "dies_with_template",
        "landlock",
        "limits",
        "no_network",
        "no_new_privileges",
        "seccomp",
    }
    assert workers.confinement["limits"] == ""
    await script.close()


async def test_state_lives_from_init_to_destroy_in_its_worker(workers: WorkerRunner, tmp_path: Path) -> None:
    text = """
    self.calls = getattr(self, "calls", 0) + 1
    context.client.attributes["calls"] = self.calls
    return True
    """
    script, other = await loaded(workers, tmp_path, text), await loaded(workers, tmp_path, text, "other")
    assert [(await ask(script)).changes["attributes"] for _ in range(3)] == [{"calls": n} for n in (1, 2, 3)]
    assert (await ask(other)).changes["attributes"] == {"calls": 1}
    await script.close()
    await other.close()


async def test_what_a_script_breaks_is_broken_in_its_generation_only(workers: WorkerRunner, tmp_path: Path) -> None:
    text = """
    import json, os, sys
    json.dumps = lambda *_: "broken"
    os.environ["BROKEN"] = "yes"
    sys.path.insert(0, "/broken")
    context.configuration_attributes.get("limit").__class__.getValue2 = lambda self: "broken"
    return True
    """
    breaking = await workers.load(entry(tmp_path, source(body(text))), {"limit": "3"})
    assert (await ask(breaking)).returned is True
    assert (await ask(breaking)).returned is True
    look = """
    import json, os, sys
    found = [json.dumps([1]), "BROKEN" in os.environ, "/broken" in sys.path]
    context.client.attributes["found"] = found + [context.configuration_attributes.get("limit").getValue2()]
    return True
    """
    looking = await workers.load(entry(tmp_path, source(body(look)), "looking"), {"limit": "3"})
    assert (await ask(looking)).changes["attributes"] == {"found": ["[1]", False, False, "3"]}
    await breaking.close()
    await looking.close()


async def test_prints_and_logs_are_kept_apart_from_the_answer_and_capped(workers: WorkerRunner, tmp_path: Path) -> None:
    text = """
    import logging, os, sys
    print("printed")
    logging.getLogger(__name__).warning("logged")
    sys.stderr.write("error\\n")
    os.write(1, b"past python\\n")
    for _ in range(100_000):
        print("x" * 1000)
    return True
    """
    script = await loaded(workers, tmp_path, text)
    for _ in range(2):
        answer = await ask(script)
        assert answer.returned is True
        assert answer.printed.startswith("printed\nWARNING logged\nerror\npast python\nxxx")
        assert len(answer.printed) < 70_000
    await script.close()


@pytest.mark.parametrize("letter", ["\\udc80", "\\U0001f600"], ids=["half a pair", "a wide letter"])
async def test_whatever_is_printed_has_room(workers: WorkerRunner, tmp_path: Path, letter: str) -> None:
    script = await loaded(workers, tmp_path, f"print('{letter}' * 20_000)\nreturn True")
    for _ in range(2):
        assert (await ask(script)).returned is True
    await script.close()


async def test_what_was_printed_before_the_end_is_told(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "print('the last words')\nimport os\nos._exit(3)")
    with pytest.raises(ScriptFailed) as failed:
        await ask(script)
    assert failed.value.printed == "the last words\n"
    assert "status 3" in failed.value.what
    await script.close()


async def test_a_failure_shows_the_scripts_own_frames_alone(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "self.f()", "failing")
    with pytest.raises(ScriptFailed) as failed:
        await ask(script)
    assert "failing.py" in failed.value.trace
    assert "AttributeError" in failed.value.trace
    assert "dcrgw/scripting" not in failed.value.trace
    await script.close()


BAD = {
    "init that never ends": ("return True", "while True: pass"),
    "init that ends the process": ("return True", "import os; os._exit(1)"),
    "init that says no": ("return True", "return False"),
}


@pytest.mark.parametrize(("old", "new"), BAD.values(), ids=BAD)
async def test_a_script_that_does_not_load_is_refused_and_leaves_no_process(tmp_path: Path, old: str, new: str) -> None:
    runner = WorkerRunner(WorkerSettings(load_s=3.0), quiet)
    with pytest.raises(Misconfigured, match="script script"):
        await runner.load(entry(tmp_path, source().replace(old, new, 1)), {})
    await until(lambda: not runner.template.pids)
    await runner.close()


FORGED = {
    "a refusal": '{"refused": "x" * 900_000}',
    "walls": '{"loaded": ["createClient"], "confinement": {str(n): "x" * 90 for n in range(9000)}}',
    "another form": '{"loaded": 5}',
    "what is not asked": '{"ask": "http.get", "arguments": []}',
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
async def test_what_a_script_forges_while_it_loads_is_kept_short(tmp_path: Path, forged: str) -> None:
    events: list[dict[str, Any]] = []
    runner = WorkerRunner(WorkerSettings(load_s=PATIENCE_S), lambda event, **fields: events.append(fields))
    telling = f"""
        import json, os, struct
        told = json.dumps({forged}).encode()
        told = struct.pack(">I", len(told)) + told
        while told:
            told = told[os.write(3, told):]
        return True
        """
    text = source().replace("return True", dedent(telling).strip().replace("\n", "\n        "), 1)
    try:
        await (await runner.load(entry(tmp_path, text), {})).close()
    except Misconfigured as refused:
        events.append({"refused": str(refused)})
    assert events
    assert len(str(events)) < 20_000
    await runner.close()


async def test_an_async_method_and_what_it_leaves_running(workers: WorkerRunner, tmp_path: Path) -> None:
    create = """
    async def createClient(self, context):
        import asyncio
        async def leak():
            await asyncio.sleep(0)
            self.leaked = True
            await asyncio.Event().wait()
        self.left = asyncio.ensure_future(leak())
        await asyncio.sleep(0)
        return True
    """
    script = await workers.load(entry(tmp_path, source(create)), {})
    for _ in range(2):
        assert (await ask(script)).returned is True
    await script.close()


async def both_hired(script: WorkerScript) -> None:
    """Two calls at once meet in a question, so that there must be two workers; both are free again."""
    met = asyncio.Barrier(2)

    async def meet(_name: str, _arguments: object) -> Any:
        await met.wait()
        raise Unavailable("directory ob", "it has served")

    calls = (script.call(CALL, meet, PATIENCE_S) for _ in range(2))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in answers] == [ScriptFailed, ScriptFailed]
    assert len(script.pids) == 2


async def test_under_load_calls_run_beside_each_other(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "context.directory.standing()\nreturn True")
    await both_hired(script)
    await script.close()


async def test_calls_wait_for_a_worker_and_are_refused_at_their_deadline(workers: WorkerRunner, tmp_path: Path) -> None:
    harm = "import time\nif context.market == 'harm': time.sleep(99)\ncontext.directory.standing()\nreturn True"
    script = await loaded(workers, tmp_path, harm)
    await both_hired(script)
    calls = (script.call(harmful(), ask_nothing, DEADLINE_S) for _ in range(5))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    kinds = sorted(type(each).__name__ for each in answers)
    # Two workers at most: whoever found none free is told so, and nobody waits beyond the deadline.
    assert set(kinds) <= {"ScriptFailed", "Unavailable"}
    assert kinds.count("ScriptFailed") == 2
    await script.close()


async def test_a_worker_is_replaced_after_its_calls(tmp_path: Path) -> None:
    # One place: while the next worker is made, a call does not have another one hired.
    runner = WorkerRunner(WorkerSettings(load_s=PATIENCE_S, calls=3, most=1), quiet)
    script = await loaded(runner, tmp_path, "import os; context.client.attributes['pid'] = os.getpid(); return True")
    seen = [str((await ask(script)).changes["attributes"]) for _ in range(9)]
    assert len(set(seen)) == 3
    assert await script.close()
    await runner.close()


async def test_an_idle_worker_that_is_killed_is_replaced(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "return True")
    (pid,) = script.pids
    os.kill(pid, signal.SIGKILL)
    await until(lambda: pid not in script.pids)
    assert (await ask(script)).returned is True
    assert script.pids != [pid]
    await script.close()


async def test_a_killed_template_is_started_again(tmp_path: Path) -> None:
    events = []
    runner = WorkerRunner(WorkerSettings(load_s=PATIENCE_S), lambda event, **fields: events.append(event))
    script = await loaded(runner, tmp_path, "return True")
    first = runner.template.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: runner.template.pid != first)
    assert (await ask(script)).returned is True
    assert runner.template.pid not in (None, first)
    assert "script_template_died" in events
    assert await script.close()
    await runner.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the kernel does in its own time."""
    while not condition():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


async def test_after_the_gateway_is_gone_nothing_is_left(tmp_path: Path) -> None:
    runner = WorkerRunner(WorkerSettings(load_s=PATIENCE_S), quiet)
    script = await loaded(runner, tmp_path, "return True")
    template, pids = runner.template.pid, script.pids
    await runner.close()
    await until(lambda: not any(_lives(pid) for pid in [template, *pids]))


def _lives(pid: int | None) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def test_a_cancelled_call_takes_its_worker_with_it(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "if context.market == 'harm':\n    while True: pass\nreturn True")
    before = script.pids
    async with asyncio.TaskGroup() as group:
        task = group.create_task(script.call(harmful(), ask_nothing, PATIENCE_S))
        await asyncio.sleep(0.05)
        task.cancel()
    assert (await ask(script)).returned is True
    assert script.pids != before
    await script.close()


async def test_a_script_that_is_put_away_takes_no_more_calls(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "return True")
    await script.close()
    with pytest.raises(Unavailable):
        await ask(script)


async def test_destroy_that_does_not_say_true_is_told(workers: WorkerRunner, tmp_path: Path) -> None:
    text = source()
    first, rest = text.split("def destroy", 1)
    script = await workers.load(entry(tmp_path, first + "def destroy" + rest.replace("True", "None", 1)), {})
    assert not await script.close()


async def test_a_failed_question_leaves_nothing_behind_for_the_next_call(workers: WorkerRunner, tmp_path: Path) -> None:
    script = await loaded(workers, tmp_path, "print('x' * 15_000)\ncontext.directory.standing()\nreturn True")

    async def down(_name: str, _arguments: object) -> Any:
        raise Unavailable("directory ob", "down")

    for _ in range(6):
        with pytest.raises(ScriptFailed) as failed:
            await script.call(CALL, down, PATIENCE_S)
        assert isinstance(failed.value.failure, Unavailable)
        assert failed.value.printed == "x" * 15_000 + "\n"
    await script.close()


async def test_a_question_that_breaks_the_gateway_costs_its_worker(workers: WorkerRunner, tmp_path: Path) -> None:
    asking = "context.directory.standing() if context.market == 'harm' else 0\nreturn True"
    script = await loaded(workers, tmp_path, asking)

    async def broken(_name: str, _arguments: object) -> Any:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await script.call(harmful(), broken, PATIENCE_S)
    assert (await ask(script)).returned is True
    await script.close()


async def test_words_that_nobody_asked_for_end_the_worker(workers: WorkerRunner, tmp_path: Path) -> None:
    text = """
    import json, os, signal, struct
    def later(_number, frame):
        # Its answer is on its way once the worker waits for the next call.
        while frame is not None and frame.f_code.co_name != "receive":
            frame = frame.f_back
        if frame is None:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        while True:
            told = json.dumps({"answer": 2, "returned": False}).encode()
            os.write(3, struct.pack(">I", len(told)) + told)
    if context.market == 'harm':
        signal.signal(signal.SIGALRM, later)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    return True
    """
    script = await loaded(workers, tmp_path, text)
    (pid,) = script.pids
    assert (await script.call(harmful(), ask_nothing, PATIENCE_S)).returned is True
    await until(lambda: pid not in script.pids)
    assert (await ask(script)).returned is True
    await script.close()


async def test_no_file_beyond_the_first_thousand_reaches_a_worker(tmp_path: Path) -> None:
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    runner = WorkerRunner(WorkerSettings(load_s=PATIENCE_S), quiet)
    runner.start()
    for each in opened:
        os.close(each)
    text = """
    import os
    for n in range(4, 4096):
        try:
            os.fstat(n)
        except OSError:
            continue
        context.client.attributes["open"] = n
    return True
    """
    script = await loaded(runner, tmp_path, text)
    assert (await ask(script)).changes == {}
    await script.close()
    await runner.close()


async def test_a_template_that_hangs_is_given_up_when_its_orders_pile_up(tmp_path: Path) -> None:
    events = []
    runner = WorkerRunner(WorkerSettings(load_s=PATIENCE_S), lambda event, **fields: events.append(event))
    script = await loaded(runner, tmp_path, "return True")
    template = runner.template
    assert template.pid is not None
    os.kill(template.pid, signal.SIGSTOP)
    hired = Hired(999, asyncio.get_running_loop().create_future())
    for _ in range(10_000):
        if template.pid is None:
            break
        template.kill(hired)
    assert template.pid is None
    # At once, before its worker's pipe breaks: the call finds another.
    assert (await ask(script)).returned is True
    await script.close()
    await runner.close()
