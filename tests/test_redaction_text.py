"""Secrets hidden where they stand in the texts of agents: in colour, escaped, in commands."""

import base64
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate.redaction import Redactor
from examples import examples
from secret_samples import HEX, TOKENS, UPPER, WORD, chosen, private_key

PLAIN = Redactor("/home/me")
KEY = chosen(20, HEX)
PASSWORD = "Xk29" + chosen(6)
MARK = "[redacted: secret]"


def redacted(text: str) -> str:
    return PLAIN.text(text)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("\x1b[32mexport API_KEY={}\x1b[0m", KEY),
        ("PASSWORD=\x1b[01;31m{}\x1b[m", PASSWORD),
        ("PASS\x1b[01;31mWORD\x1b[m={}\n", PASSWORD),
        ('\x1b[34;1m"password"\x1b[0m\x1b[1;39m:\x1b[0m \x1b[0;32m"{}"\x1b[0m', PASSWORD),
        ("\\u001b[32mexport API_KEY={}\\u001b[0m", KEY),
        ("\\\\u001b[32mexport API_KEY={}\\\\u001b[0m", KEY),
        ("\\033[1mapi_key\\033[0m: {}\\033[0m", KEY),
    ],
)
def test_colours_hide_neither_a_name_nor_its_value(text: str, hidden: str) -> None:
    assert redacted(text.format(hidden)) == text.format(MARK)


def test_what_is_found_in_colour_is_hidden_whole() -> None:
    kind, token = TOKENS[1]
    mark = f"[redacted: {kind}]"
    assert redacted(f"\x1b[1m{token[:9]}\x1b[31m{token[9:]}\x1b[0m.") == f"\x1b[1m{mark}\x1b[0m."
    assert redacted(f"word\x1b[31m{token}\x1b[0m") == f"word\x1b[31m{mark}\x1b[0m"
    assert redacted("ls\x1b[34m/home/me\x1b[0m/x") == "ls\x1b[34m~\x1b[0m/x"
    assert redacted("\x1b[32m~me/x\x1b[0m") == "\x1b[32m~/x\x1b[0m"
    assert redacted("\x1b[32mC:\\Users\\me\x1b[0m") == "\x1b[32m~\x1b[0m"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"password":"Xk29\\u0026dor9"}', f'{{"password":"{MARK}"}}'),
        ('{"password":"Xk29\\u003c\\u003edor9"}', f'{{"password":"{MARK}"}}'),
        ('{\\"password\\":\\"Xk29\\\\u0026dor9\\"}', f'{{\\"password\\":\\"{MARK}\\"}}'),
        (f"key=sk\\u002dant\\u002d{'x1' * 20}", "key=[redacted: anthropic-key]"),
        (f'{{"k":"\\u0073k-ant-{"x1" * 20}"}}', '{"k":"[redacted: anthropic-key]"}'),
        (f"https:\\/\\/hooks.slack.com\\/services\\/T{UPPER[:8]}\\/B{UPPER[:8]}\\/{KEY}",
         "[redacted: slack-token]"),
        (f'"1\\/\\/0g{KEY * 3}"', '"[redacted: google-oauth-token]"'),
        ("me\\u0040mail.org", "[redacted: email-address]"),
        ("j\\u00e4\\u00e4@mail.org", "[redacted: email-address]"),
        ('"\\/home\\/me\\/src"', '"~\\/src"'),
        ('\\"\\\\/Users\\\\/me\\\\/src\\"', '\\"~\\\\/src\\"'),
        ("postgres:\\/\\/me:Xk29vb@db.host\\/a",
         "postgres:\\/\\/me:[redacted: url-password]@db.host\\/a"),
        ("C:\\Users\\u0012345\\x \\/", "~\\x \\/"),
    ],
)  # fmt: skip
def test_the_escapes_of_json_hide_nothing(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert redacted(expected) == expected


@pytest.mark.parametrize(("kind", "token"), TOKENS, ids=lambda part: str(part)[:12])
def test_a_token_is_hidden_however_json_writes_it(kind: str, token: str) -> None:
    text = json.dumps({"a": token})
    shown = json.dumps({"a": f"[redacted: {kind}]"})
    assert redacted(text.replace("/", "\\/")) == shown
    every = "".join(f"\\u{ord(letter):04x}" for letter in token)
    assert redacted(f'{{"a": "{every}"}}') == shown


def test_a_key_with_escaped_slashes_is_hidden() -> None:
    for secret in (private_key(), "AccountKey=" + chosen(85, WORD + "+/") + "1=="):
        shown = redacted(json.dumps({"a": secret}).replace("/", "\\/"))
        parts = re.findall("[A-Za-z0-9]{8,}", secret)
        assert not [
            part for part in parts if part in shown and part not in ("PRIVATE", "AccountKey")
        ]


@settings(max_examples=examples(80), deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["\x1b[1m", "\\u001b[0m", "\\/", "\\\\/", "\\u0041", "\\\\u00e9", "\\", "a", " ", "\n"]
        ),
        max_size=30,
    ).map("".join)
)
def test_escapes_alone_stay_as_they_are(text: str) -> None:
    assert redacted(text) == text
    secret = f"{text} {TOKENS[1][1]} {text}"
    assert redacted(secret) == f"{text} [redacted: {TOKENS[1][0]}] {text}"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("machine host.org\n  login me\n  password {}\n", PASSWORD),
        ("machine host.org login me password {}", PASSWORD),
        ("login me\npassword {}", PASSWORD),
        ("  1\u2192login me\n  2\u2192password {}", PASSWORD),
        ('"login me\\n  password {}\\n"', PASSWORD),
        ("ENV API_KEY {}", KEY),
        ("setx API_KEY {}", KEY),
        ('set DB_PASSWORD "{}"', PASSWORD),
        ("- name: API_KEY\n  value: {}\n", KEY),
        ('- name: "API_KEY"\n  value: "{}"\n', KEY),
        ('"- name: API_KEY\\n  value: {}\\n"', KEY),
        ('{{"name": "API_KEY", "value": "{}"}}', KEY),
        ('{{\\"name\\":\\"API_KEY\\",\\"value\\":\\"{}\\"}}', KEY),
        ('<add key="ApiKey" value="{}" />', KEY),
        ('["tool", "--token", "{}"]', KEY),
        ("DB_PASS={}", "Pa$$word1"),
        ("DB_PASS={}\n", "p$ssw0rd99"),
        ("export DB_PASSWORD={} make", "Tr0ub(4dor"),
        ('{{"password":"{}"}}', "correcthorse"),
        ('{{"db_password": "{}"}}', "CorrectHorse"),
        ("Authorization: {}", KEY),
        ('{{"Authorization":"{}"}}', KEY),
    ],
)
def test_a_secret_is_hidden_by_what_stands_around_it(text: str, hidden: str) -> None:
    shown = redacted(text.format(hidden))
    assert shown == text.format(MARK)
    assert redacted(shown) == shown


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("curl -u me:{} https://host.org", PASSWORD),
        ("curl -sS -X POST \\\n  --user 'me:{}' \\\n  https://host.org", PASSWORD),
        ("curl -ume:{}", PASSWORD),
        ('["curl", "-u", "me:{}"]', PASSWORD),
        ("docker login -u me -p {} host.org", PASSWORD),
        ("sshpass -p '{}' ssh me@host", PASSWORD),
        ("sshpass -p{} ssh me@host", PASSWORD),
        ("mysql -u root -p{} app", PASSWORD),
        ("mysqldump -uroot -p'{}' app", PASSWORD),
    ],
)
def test_a_password_that_a_command_is_given_is_hidden(text: str, hidden: str) -> None:
    shown = text.format("[redacted: command-password]")
    assert redacted(text.format(hidden)) == shown
    assert redacted(shown) == shown


def test_a_login_in_base64_is_hidden() -> None:
    login = base64.b64encode(b"me:open-sesame9").decode()
    mark = "[redacted: authorization]"
    for text in ('{{"auths":{{"host.org":{{"auth":"{}"}}}}}}', "//host.org/:_auth={}"):
        assert redacted(text.format(login)) == text.format(mark)
    assert PLAIN.value({"auth": login}) == {"auth": mark}
    assert PLAIN.value({"auth": "c29tZSB3b3Jkcw=="}) == {"auth": "c29tZSB3b3Jkcw=="}


@pytest.mark.parametrize(
    "url", ["postgres://me:{}@db.host/app", "https://me:{}@host.org/a.git"]
)  # fmt: skip
def test_a_password_in_a_url_may_have_a_slash(url: str) -> None:
    assert redacted(url.format("Xk29vb/x")) == url.format("[redacted: url-password]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gcc -I/home/me/inc -L/home/other/lib", "gcc -I~/inc -L~/lib"),
        ("-isystem/home/other/inc", "-isystem~/inc"),
        ("c:\\users\\other\\x C:\\USERS\\other", "~\\x ~"),
        ('"c:\\\\users\\\\other\\\\x"', '"~\\\\x"'),
        ("vscode-remote://ssh-remote+b/home/other/x", "vscode-remote://ssh-remote+b~/x"),
        ("ssh://host.org/home/other/x.git", "ssh://host.org~/x.git"),
        ("file%3A%2F%2F%2Fhome%2Fother%2Fx", "file%3A%2F%2F~%2Fx"),
        ("?path=%2FUsers%2Fother%2Fx&a=%2fhome%2fother", "?path=~%2Fx&a=~"),
        ("\\\\wsl$\\Ubuntu\\home\\other\\x", "\\\\wsl$\\Ubuntu~\\x"),
        (
            '"\\\\\\\\wsl.localhost\\\\Ubuntu\\\\home\\\\other"',
            '"\\\\\\\\wsl.localhost\\\\Ubuntu~"',
        ),
        ("_/home/other/x_", "_~/x_"),
        ("`~other/x`", "`~/x`"),
    ],
)
def test_a_home_folder_becomes_a_tilde_in_other_forms_too(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert redacted(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_me@mail.org_", "_[redacted: email-address]_"),
        ("**me@mail.org**", "**[redacted: email-address]**"),
        ("me@mail.org(work)", "[redacted: email-address](work)"),
        ("info@müller.de", "[redacted: email-address]"),
        (
            "info@mail.xn--p1ai, info@почта.рф",
            "[redacted: email-address], [redacted: email-address]",
        ),
        ("me@mail.org。见me@mail.org见", "[redacted: email-address]。[redacted: email-address]见"),
    ],
)
def test_an_address_is_hidden_in_emphasis_and_in_other_letters(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        ("square-token", "sq0atp-" + chosen(22)),
        ("notion-token", "secret_" + chosen(43)),
        ("notion-token", "ntn_" + chosen(46)),
        ("vercel-token", "vercel_blob_rw_" + chosen(16) + "_" + chosen(30)),
    ],
)
def test_a_token_of_another_maker_is_hidden(kind: str, token: str) -> None:
    assert redacted(f'x = "{token}"') == f'x = "[redacted: {kind}]"'


@pytest.mark.parametrize(
    "text",
    [
        "x = m@np.eye(3); y = w@v.astype; z = L@D@L.conjugate().T; a@b[0].end[1]",
        "def a@pytest.fixture",
        "re.sub(r'\\/home\\/', '', '\\u0041\\/b') and /^\\/api\\/v1\\/users$/",
        '"\\u001b[32mdone\\u001b[0m" \x1b[1mtoken:\x1b[0m \x1b[2mnone\x1b[0m',
        "src-a/home/page a-I/home/page https%3A%2F%2Fexample.org%2Fhome%2Fpage",
        "https://example.org/home/page ssh://host/srv/home",
        "http://localhost:8080/x@y https://host:443/a@b npm://scope:pkg/x@1.2 ://host.org:A1/b@c",
        "curl -u $USER:$PASS -u <user>:<password> -u user:password; docker run -u me:1000",
        "curl https://example.org\ndocker run -u 1000:1000 -u me:wheels",
        "docker run -p 8080:80 && docker login -u me -p $TOKEN --password-stdin",
        "mysql -P 3306 -p app; mkdir -project",
        "login with a password, then set password in settings; login page, password field",
        "env API_KEY is not set; set token to None",
        "PASSWORD=getpass('x') DB_PASS=$(cat x) PASS=get(1) TOKEN_PASS=${A1} DB_PASS=a1${B}",
        "connect(\n    name='password',\n    value=minimum_password_length_2,\n)",
        "name: password\nvalue: password_length",
        '{"password": "Passwort", "passwd": "REQUIRED", "password_hint": "correcthorse"}',
        "'Authorization': v4auth_header, Authorization: AWS4-HMAC-SHA256 Credential=x",
        '"AWS::EC2::ClientVpnAuthorizationRule": "09dec539b3c3f428"',
        '["--token", "--verbose", "saxophone-rh-bes-key-stencil", "guitar-2024-neck1"]',
        'auth: "none" "auth": "basic" _auth=true "auth":"c29tZSB3b3Jkcw=="',
        "sq0atp- secret_key_of_the_user ntn_ vercel_blob_rw_token wsl$ wsl.localhost",
    ],
    ids=lambda text: str(text)[:30],
)
def test_what_looks_like_it_and_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text
