import base64
import json
import random
import time
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate.jsontext import JsonText
from agentstate.redaction import Redactor
from examples import examples
from secret_samples import HEX, TOKENS, UPPER, WAYS, WORD, chosen, private_key
from support import finish, start_python

HOME = "/home/me"
PLAIN = Redactor(HOME)


def redacted(text: str) -> str:
    return PLAIN.text(text)


@pytest.mark.parametrize(("kind", "token"), TOKENS, ids=lambda part: str(part)[:12])
def test_a_token_is_hidden_wherever_it_stands(kind: str, token: str) -> None:
    for way in WAYS:
        text = way.format(token)
        hidden = redacted(text)
        assert hidden == way.format(f"[redacted: {kind}]"), way
        assert redacted(hidden) == hidden


def test_the_same_secret_becomes_the_same_mark_and_is_counted() -> None:
    redactor = Redactor()
    kind, token = TOKENS[0]
    assert redactor.text(f"{token} {token}") == f"[redacted: {kind}] [redacted: {kind}]"
    assert redactor.text("a@b.org, c@d.org in /home/x") == (
        "[redacted: email-address], [redacted: email-address] in ~"
    )
    assert redactor.counts == {kind: 2, "email-address": 2, "home-path": 1}


VALUE = chosen(8) + "7" + chosen(23)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("AWS_SECRET_ACCESS_KEY={}", chosen(40, WORD)),
        ("password={}", "Xk29!vbQpz81"),
        ("DB_PASSWORD={} make run", "correct-horse"),
        ('password: "{}"', "let me in".replace(" ", "-")),
        ("  password: {}\n", "hunter2"),
        ('config["password"] = "{}"', "pa:ss-w0rd"),
        ("mysql --password {} -u me", "s3same-open"),
        ("tool --api-key '{}'", VALUE),
        ("<password>{}</password>", "s3same-open"),
        ('{{"api_key": "{}"}}', VALUE),
        ('{{\\"access_token\\": \\"{}\\"}}', VALUE),
        ("client_secret={}&grant=1", VALUE),
        ("MY_SERVICE_TOKEN={}", VALUE),
        ("SharedAccessKey={}=;", chosen(43) + "1"),
        ("const apiKey = `{}`;", VALUE),
        ("İ token={}", VALUE),
    ],
)
def test_a_secret_is_hidden_by_the_name_it_is_given(text: str, hidden: str) -> None:
    shown = redacted(text.format(hidden))
    assert hidden not in shown
    assert shown.rstrip("=;") == text.format("[redacted: secret]").rstrip("=;")


def test_a_secret_of_a_known_length_is_told_by_its_name_too() -> None:
    secret = chosen(40, WORD + "/+")
    shown = redacted(f"aws_secret_access_key = '{secret}'")
    assert shown == "aws_secret_access_key = '[redacted: aws-secret-key]'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer {}", "Authorization: Bearer [redacted: authorization]"),
        ("-H 'authorization: bearer {}'", "-H 'authorization: bearer [redacted: authorization]'"),
        ("postgresql://me:{}@db/app", "postgresql://me:[redacted: url-password]@db/app"),
        ("https://x:{}@host.org/a.git", "https://x:[redacted: url-password]@host.org/a.git"),
        ("redis://:{}@[::1]:6379/0", "redis://:[redacted: url-password]@[::1]:6379/0"),
    ],
)  # fmt: skip
def test_what_proves_somebody_in_a_request_is_hidden(text: str, expected: str) -> None:
    assert redacted(text.format(VALUE)) == expected


def test_a_name_and_password_in_a_header_are_hidden() -> None:
    proof = base64.b64encode(b"me:open-sesame").decode()
    shown = "Authorization: Basic [redacted: authorization]"
    assert redacted(f"Authorization: Basic {proof}") == shown
    assert redacted("Basic authentication") == "Basic authentication"


@pytest.mark.parametrize(
    "shown_as",
    [
        lambda key: key,
        lambda key: key.replace("\n", "\r\n"),
        lambda key: json.dumps(key)[1:-1],
        lambda key: json.dumps(json.dumps(key))[1:-1],
        lambda key: key.replace("\n", "\n+"),
        lambda key: key.replace("\n", "\n-"),
        lambda key: "\n".join(f"{n:6}\u2192{line}" for n, line in enumerate(key.splitlines(), 1)),
        lambda key: "\n".join(f'    "{line}\\n"' for line in key.splitlines()),
        lambda key: key[: len(key) // 2],
        lambda key: key[: len(key) // 2 - 3] + "\n",
        lambda key: key.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
    ],
)
def test_nothing_of_a_private_key_is_left(shown_as: Callable[[str], str]) -> None:
    key = private_key()
    shown = redacted(f"before {shown_as(key)}")
    lines = key.splitlines()[1:-1]
    assert not any(line[at : at + 8] in shown for line in lines for at in range(56))
    assert "[redacted: private-key]" in shown
    assert "before" in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/me", "~"),
        ("/home/me/src/app.py", "~/src/app.py"),
        ("cd /home/me.mail/x", "cd ~/x"),
        ("/home/other/x", "~/x"),
        ("/Users/me/x:/Users/bob", "~/x:~"),
        ("file:///home/me/x", "file://~/x"),
        ('{"cwd": "C:\\\\Users\\\\Some One\\\\src"}', '{"cwd": "~\\\\src"}'),
        (r"C:\Users\me\src", r"~\src"),
        ("/mnt/c/Users/me/src", "~/src"),
        ("/var/home/me/src", "~/src"),
        ("ls ~me/src", "ls ~/src"),
        ("~/.claude/projects/-home-me-src/a.jsonl", "~/.claude/projects/-~-src/a.jsonl"),
        ("host:/home/me", "host:~"),
        ("a\\n/home/me\\nb", "a\\n~\\nb"),
    ],
)
def test_a_home_folder_becomes_a_tilde(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert redacted(expected) == expected


def test_a_home_that_is_known_is_hidden_wherever_it_lies() -> None:
    redactor = Redactor("/data/people/me")
    assert redactor.text("/data/people/me/x /data/people/mem") == "~/x /data/people/mem"
    assert redactor.text("projects/-data-people-me-x") == "projects/-~-x"
    assert Redactor(r"D:\People\Me").text(r"D:\\People\\Me\\x") == r"~\\x"
    assert Redactor("/").text("/etc") == "/etc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Me <me@mail.org>", "Me <[redacted: email-address]>"),
        ("mailto:me+x@mail.mail.co.uk?a", "mailto:[redacted: email-address]?a"),
        ("1+me@users.noreply.github.com", "[redacted: email-address]"),
        ('{"email":"ädä@mail.org"}', '{"email":"[redacted: email-address]"}'),
        ("?to=me%40mail.org&x=1", "?to=[redacted: email-address]&x=1"),
        ("?a=%2Fu%3Fto%3Dme%2Bx%40mail.org", "?a=%2Fu%3Fto%3D[redacted: email-address]"),
    ],
)
def test_an_address_is_hidden(text: str, expected: str) -> None:
    assert redacted(text) == expected


def image() -> str:
    return base64.b64encode(random.Random(1).randbytes(200_000)).decode()


@pytest.mark.parametrize(
    "text",
    [
        chosen(40, HEX),
        chosen(64, HEX),
        f"commit {chosen(40, HEX)}\nindex {chosen(7, HEX)}..{chosen(7, HEX)} 100644",
        str(uuid.UUID(int=random.Random(2).getrandbits(128))),
        '{"sessionId": "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f", "max_tokens": 4096}',
        f'"integrity": "sha512-{chosen(86)}=="',
        f'"image": "data:image/png;base64,{image()}"',
        f'"encrypted_content": "{image().replace("+", "-").replace("/", "_")}"',
        "def login(user: str, password: str = '') -> Token: ...",
        "password = get_password(user)\nself.token = tokens[0]\nsecret: SecretStr | None = None",
        "api_key = os.environ['API_KEY']; headers = {'Authorization': f'Bearer {token}'}",
        "password=$PASSWORD token=${TOKEN} api_key: <your-key> secret: '***' pwd=xxxxxxxx",
        'placeholder="Password" label: "Enter your password" type="password" name="token"',
        "if '-----BEGIN RSA PRIVATE KEY-----' in text: warn('PRIVATE KEY')",
        "max_tokens: 128000, token_count: 123456789012, tokens=12345678901234",
        "key: value1, primary_key=id, cache-key: v2-linux-node20, key_id = 'abc123def456ghi'",
        "PWD=/srv/app1 OLDPWD=/srv/app2 pwd: /srv/app3",
        "token: https://example.com/docs/1234567890abcdef",
        "git@github.com:org/repo.git noreply@example.org a@example.com x@host.invalid",
        "logo@2x.png, pkg@1.2.3, @app.route, user@host, actions/checkout@v4",
        "logo%402x.png /%40types%2Fnode vue%403.4.5 %3Da%40example.com %3Dgit%40host.org",
        f"{chosen(64, WORD + '_-')}-fm2_{chosen(60, WORD + '_-')}",
        f"{chosen(80)}_hf_{chosen(40)}",
        f"risk-sk-{chosen(10)} task-sk {chosen(40, 'abc')}eyJ{chosen(40)}.{chosen(30)}",
        "http://localhost:8080/x@y https://host:443/ ssh://git@host.org/x http://u:password@h/",
        "src/home/page.tsx https://example.org/home/page ./home/x /homepage",
        "HEAD~3 ~/src a~b/c ~Widget() ~5/day /home/<name>/x",
        f"ACCATTGACCATTGACCATTGACCATTGA{chosen(8, 'ACGT')} sk-learn task-{chosen(8)}",
        "192.168.1.1 8.8.8.8:53 2024-01-02T03:04:05Z 1234567890:abcdef",
    ],
    ids=lambda text: str(text)[:30],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_json_is_redacted_in_its_strings_and_keys_alone() -> None:
    token = TOKENS[1][1]
    text = JsonText(
        '{ "n": 1.10, "big": 12345678901234567890, "e\\u00e9": "\\u00e9 ' + token + '",\n'
        ' "password" : "open-sesame", "list": ["/home/me/x", {"a@b.org": 1, "c@d.org": 2}],'
        ' "same": "\\u00e9\\/" }'
    )
    shown = PLAIN.value(text)
    assert isinstance(shown, JsonText)
    assert shown == (
        '{ "n": 1.10, "big": 12345678901234567890, "e\\u00e9": "\\u00e9 [redacted: github-token]",'
        "\n"
        ' "password" : "[redacted: secret]", "list": ["~/x", {"[redacted: email-address]": 1,'
        ' "[redacted: email-address] 2": 2}], "same": "\\u00e9\\/" }'
    )
    assert PLAIN.value(json.loads(text)) == json.loads(shown)
    assert PLAIN.value(shown) == shown


def test_keys_that_become_equal_are_numbered() -> None:
    mark = "[redacted: email-address]"
    keys = ["a@b.org", mark, "c@d.org", "plain"]
    shown = [mark, f"{mark} 2", f"{mark} 3", "plain"]
    given_value = dict.fromkeys(keys, 1)
    assert list(PLAIN.value(given_value)) == shown
    assert PLAIN.value(JsonText(json.dumps(given_value))) == json.dumps(dict.fromkeys(shown, 1))
    twice = JsonText('{"plain":1,"plain":2}')
    assert PLAIN.value(twice) == twice


PIECES = st.sampled_from(
    [token for _, token in TOKENS]
    + ["password=", "token: ", '"secret":"', "Bearer ", "/home/", "me", "a@b.org", "://u:", "@"]
    + ["[redacted: secret]", "eyJ", "AKIA", "sk-", "~", "/", "\\", "\\n", '"', "'", "=", ":", "-"]
    + [chosen(20, UPPER), chosen(16), "C:\\Users\\", " ", "\n", "--password ", "DB_PASS=", "$"]
    + ["\x1b[1m", "\\u001b[0m", "\\u0041", "\\/", "-u me:", "curl ", "(", "login me ", '"--key",']
    + ["name: key", "value: ", "_", "é", '"auth": "', "ENV token "]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def shape(value: object) -> object:
    if isinstance(value, dict):
        return [shape(one) for one in value.values()]
    if isinstance(value, list):
        return [shape(one) for one in value]
    return "" if isinstance(value, str) else value


@settings(max_examples=examples(150), deadline=None)
@given(TEXTS)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


@settings(max_examples=examples(80), deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="@~/\\:=-_.")))
def test_text_without_anything_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@settings(max_examples=examples(80), deadline=None)
@given(VALUES)
def test_json_keeps_its_shape(value: object) -> None:
    shown = PLAIN.value(value)
    assert shape(shown) == shape(value)
    text = json.dumps(value)
    as_text = PLAIN.value(JsonText(text))
    assert json.loads(as_text) == shown


HOSTILE = [
    *("a", " ", "\\", '"', "eyJ", "eyJa.", "sk-", "AKIA", "aws key ", "password=", 'password="'),
    *(
        "token ",
        "token:a_",
        "Bearer ",
        "://a:",
        "a@",
        "@a.",
        "@a-",
        "/home/",
        "C:\\Users\\a ",
        "~a",
        "-eyJ",
        "aB1fo1_",
        "a%40",
        "MM-",
    ),
    *("xoxb-1-", "-----BEGIN PRIVATE KEY-----", "Private-Lines: 1\nA", "M" * 24 + ".", "/-home-"),
    *("-----BEGIN PRIVATE KEY-----\\n" + "A" * 20, "[redacted: ", "--password "),
    *("\x1b[32m", "a\x1b[m", "\\u001b[1", "\\/", "\\u0041", "\\\\u00", "-I/home/", "%2Fhome%2Fa"),
    *("ssh://a", "ssh://a/home/", "wsl$\\a", "é@é.", "é.", "_@a.b_", "curl -u a:", "curl x-u "),
    *("mysql -p", "mysql", 'docker login -p "', "DB_PASS=a$", "DB_PASS=a1(", "ENV token "),
    *("login a password ", "login ", '"--token","', "name: key\n", "key value:", '"auth":"'),
    *("authorization", "://a:b/", "://a:b/c1@", "vercel_blob_rw_", "secret_", "sq0atp-"),
]


def seconds(line: str) -> float:
    began = time.process_time()
    redacted(line)
    return time.process_time() - began


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_line_takes_time_in_proportion_to_its_length(piece: str) -> None:
    line = piece * (5_000 // len(piece))
    short = min(seconds(line) for _ in range(3))
    long = min(seconds(line * 8) for _ in range(2))
    # Quadratic work would make eight times the length take 64 times as long.
    assert long < 24 * max(short, 0.002)


def test_without_the_extra_one_line_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['detect_secrets'] = None\n"
        "from agentstate.errors import UsageError\n"
        "from agentstate.redaction import Redactor\n"
        "try: Redactor()\n"
        "except UsageError as error: print(error)\n"
    )
    assert (
        finish(start_python(program))
        == "--redact needs agentstate[redact]: pip install 'agentstate[redact]'\n"
    )


def test_the_library_is_loaded_only_when_it_is_used() -> None:
    program = "import sys, agentstate.redaction\nprint('detect_secrets' in sys.modules)"
    assert finish(start_python(program)) == "False\n"
