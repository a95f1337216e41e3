"""Secrets that open nothing, put together as they are needed.

They are in no file as a whole, so that nobody's scanner takes this repository for a leak.
"""

import base64
import random
import string

CHANCE = random.Random(20_241)
WORD = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"


def chosen(count: int, alphabet: str = WORD) -> str:
    return "".join(CHANCE.choice(alphabet) for _ in range(count))


def private_key(kind: str = "RSA ") -> str:
    lines = "\n".join(chosen(64, WORD + "+/") for _ in range(8))
    dashes = "-" * 5
    return (
        f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}\n{lines}\n{dashes}END {kind}PRIVATE KEY{dashes}"
    )


def json_web_token() -> str:
    parts = (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890"}', chosen(32).encode())
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


TOKENS = (
    # kind, token; each is found wherever it stands, whatever it is called
    ("aws-access-key", "AKIA" + chosen(16, UPPER)),
    ("github-token", "ghp_" + chosen(36)),
    ("github-token", "gho_" + chosen(36)),
    ("github-token", "github_pat_" + chosen(22) + "_" + chosen(59)),
    ("gitlab-token", "glpat-" + chosen(20)),
    ("slack-token", "-".join(("xoxb", chosen(12, "123"), chosen(12, "123"), chosen(24)))),
    ("slack-token", "xapp-1-" + chosen(11, UPPER) + "-" + chosen(13, "12") + "-" + chosen(64, HEX)),
    ("slack-token", "https://hooks." + f"slack.com/services/T{chosen(8)}/B{chosen(8)}/{chosen(9)}"),
    ("stripe-key", "sk_live_" + chosen(24)),
    ("stripe-key", "rk_test_51" + chosen(97)),
    ("sk-api-key", "sk-" + chosen(20) + "T3Blbk" + "FJ" + chosen(20)),
    ("openai-key", "sk-proj-" + chosen(74, WORD + "_-") + "T3Blbk" + "FJ" + chosen(74)),
    ("anthropic-key", "sk-ant-api03-" + chosen(93, WORD + "_-") + "AA"),
    ("anthropic-key", "sk-ant-oat01-" + chosen(93, WORD + "_-") + "AA"),
    ("openrouter-key", "sk-or-v1-" + chosen(64, HEX)),
    ("google-api-key", "AIza" + chosen(35, WORD + "_-")),
    ("google-oauth-token", "ya29." + chosen(120, WORD + "_-")),
    ("npm-token", "npm_" + chosen(36)),
    ("pypi-token", "pypi-AgEIcHlwaS5vcmc" + chosen(120, WORD + "-_")),
    ("json-web-token", json_web_token()),
    ("twilio-api-key", "SK" + chosen(32, HEX)),
    ("sendgrid-api-key", "SG." + chosen(22) + "." + chosen(43)),
    ("discord-bot-token", "M" + chosen(23) + "." + chosen(6) + "." + chosen(27)),
    ("telegram-bot-token", chosen(9, "123456789") + ":AA" + chosen(33)),
    ("mailchimp-access-key", chosen(32, HEX) + "-us12"),
    ("square-oauth-secret", "sq0csp-" + chosen(43)),
    ("azure-client-secret", chosen(3) + "8Q~" + chosen(34)),
    ("hugging-face-token", "hf_" + chosen(34, string.ascii_letters)),
    ("groq-key", "gsk_" + chosen(52)),
    ("vault-token", "hvs." + chosen(95)),
    ("docker-token", "dckr_pat_" + chosen(27)),
    ("databricks-token", "dapi" + chosen(32, HEX)),
    ("age-secret-key", "AGE-SECRET-KEY-1" + chosen(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")),
    ("private-key", private_key()),
    ("private-key", private_key("OPENSSH ")),
    ("private-key", private_key("").replace("\n", "\\n")),
)  # fmt: skip

WAYS = (
    # how a token stands in what agents read and write
    "{}",
    "export KEY={}",
    'KEY="{}"\n',
    '{{"key": "{}", "n": 1}}',
    '{{\\"key\\": \\"{}\\"}}',
    "+  key: {}\n",
    "-{}\n",
    "curl -H 'X-Api: {}' https://example.com",
    "https://example.com/?key={}&b=1",
    "https://example.com/?key%3D{}",
    "first line\\n{}\\nlast line",
    "\x1b[32m{}\x1b[0m",
    "Use `{}`, please.",
    "见{}。",
    "--{}",
    "a-{}",
    "A1-{}",
    "my_{}",
    "_{}",
    "x+{}",
    "a/{}",
    "a.{}",
    "a={}",
    "a:{}",
    "tool --flag-{} x",
    "feature/a-branch-of-many-words-that-goes-on-and-on-and-on-for-longer-than-most-{}",
    "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f_0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f-{}",
)
