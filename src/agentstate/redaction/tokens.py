"""Tokens that can be told by their shape: a prefix of their maker, an alphabet, a length.

detect-secrets has the rules for the older ones. What it lacks, or has in a form that leaves the
end of a newer token behind or takes quadratic time, is listed here; the prefixes, alphabets and
lengths are those of gitleaks' list. A length is a least one: makers lengthen their tokens.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agentstate.redaction.rule import NO_WORD, REST, PatternRule

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEX: Final = "[a-f0-9]"
_WORD: Final = "[A-Za-z0-9]"
_URL64: Final = "[A-Za-z0-9_-]"

# How JSON in base64 begins. Where it stands is asked at once, and what is no token is passed over
# to its end: in a line of nothing else each would be the start of a search to the end of the line.
_EYJ: Final = (
    r"eyJ(?:(?<![A-Za-z0-9]eyJ)|(?<=\\[nrt]eyJ)|(?<=%[0-9A-Fa-f]{2}eyJ)|(?<=\[[0-9]{2}meyJ))"
)
_JWT: Final = rf"{_EYJ}{_URL64}{{10,}}+\.\.?{_URL64}{{10,}}+(?:\.{_URL64}++)*"
_LONG_PREFIX: Final = 7
_PREFIXED: Final = (
    # kind, prefixes, what follows
    ("1password-token", ("ops_eyJ",), r"[A-Za-z0-9+/]{200,}+=*"),
    ("age-secret-key", ("AGE-SECRET-KEY-1",), r"[A-Z0-9]{58}"),
    ("alibaba-access-key", ("LTAI",), rf"{_WORD}{{20}}"),
    ("anthropic-key", ("sk-ant-",), rf"{_URL64}{{20,}}+"),
    ("atlassian-token", ("ATATT3", "ATCTT3"), r"[A-Za-z0-9_=-]{60,}+"),
    ("aws-bedrock-key", ("ABSK", "bedrock-api-key-"), r"[A-Za-z0-9+/]{60,}+={0,2}"),
    ("clojars-token", ("CLOJARS_",), rf"{_HEX}{{60}}"),
    ("databricks-token", ("dapi",), rf"{_HEX}{{32}}(?:-\d)?"),
    ("digitalocean-token", ("dop_v1_", "doo_v1_", "dor_v1_"), rf"{_HEX}{{64}}"),
    ("discord-webhook", ("discord.com/api/webhooks/",), r"\d{15,22}/[A-Za-z0-9_-]{40,}+"),
    ("docker-token", ("dckr_pat_", "dckr_oat_"), rf"{_URL64}{{20,}}+"),
    ("doppler-token", ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa."), r"[A-Za-z0-9.]{40,}+"),
    ("dynatrace-token", ("dt0c01.", "dt0s16."), rf"{_WORD}{{24}}\.{_WORD}{{64}}"),
    ("figma-token", ("figd_",), rf"{_URL64}{{30,}}+"),
    ("fly-token", ("fo1_", "fm1_", "fm1a_", "fm1r_", "fm2_"), r"[A-Za-z0-9+/_=-]{40,}+"),
    ("github-token", ("github_pat_",), rf"{_WORD}{{22}}_{_WORD}{{40,}}+"),
    ("google-api-key", ("AIza",), rf"{_URL64}{{35}}"),
    ("google-oauth-token", ("ya29.",), rf"{_URL64}{{30,}}+"),
    ("google-oauth-token", ("1//0",), rf"{_URL64}{{40,}}+"),
    ("google-client-secret", ("GOCSPX-",), rf"{_URL64}{{24,}}+"),
    ("grafana-token", ("glsa_", "glc_"), r"[A-Za-z0-9+/_]{32,}+={0,2}"),
    ("groq-key", ("gsk_",), rf"{_WORD}{{48,}}+"),
    ("heroku-key", ("HRKU-AA",), rf"{_URL64}{{58}}"),
    ("hugging-face-token", ("hf_", "api_org_"), rf"{_WORD}{{30,}}+"),
    ("langsmith-key", ("lsv2_pt_", "lsv2_sk_"), rf"{_HEX}{{32}}_{_HEX}{{10}}"),
    ("linear-key", ("lin_api_", "lin_oauth_"), rf"{_WORD}{{40}}"),
    ("netlify-token", ("nfp_",), rf"{_WORD}{{36}}"),
    ("new-relic-key", ("NRAK-", "NRII-", "NRJS-"), rf"{_URL64}{{19,}}+"),
    ("notion-token", ("ntn_",), rf"{_WORD}{{40,}}+"),
    ("notion-token", ("secret_",), rf"{_WORD}{{43}}"),
    ("npm-token", ("npm_",), rf"{_WORD}{{36}}"),
    ("openai-key", ("sk-proj-", "sk-svcacct-", "sk-admin-"), rf"{_URL64}{{20,}}+"),
    ("openrouter-key", ("sk-or-v1-",), rf"{_HEX}{{40,}}+"),
    ("perplexity-key", ("pplx-",), rf"{_WORD}{{40,}}+"),
    ("planetscale-token", ("pscale_tkn_", "pscale_pw_", "pscale_oauth_"), r"[\w=.-]{32,}+"),
    ("postman-key", ("PMAK-",), rf"{_HEX}{{24}}-{_HEX}{{34}}"),
    ("pulumi-token", ("pul-",), rf"{_HEX}{{40}}"),
    ("replicate-token", ("r8_",), rf"{_WORD}{{37}}"),
    ("rubygems-key", ("rubygems_",), rf"{_HEX}{{48}}"),
    ("sendinblue-key", ("xkeysib-",), rf"{_HEX}{{64}}-{_WORD}{{16}}"),
    ("sentry-token", ("sntrys_", "sntryu_"), r"[A-Za-z0-9+/=_]{40,}+"),
    ("shopify-token", ("shpat_", "shpca_", "shppa_", "shpss_"), r"[a-fA-F0-9]{32}"),
    ("slack-token", ("xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxp-", "xoxr-", "xoxs-"),
     r"[A-Za-z0-9%-]{10,}+"),
    ("slack-token", ("xapp-", "xoxe.xox"), r"[A-Za-z0-9-]{20,}+"),
    ("square-token", ("sq0atp-",), rf"{_URL64}{{22,}}+"),
    ("stripe-key", ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_prod_", "rk_prod_"),
     rf"{_WORD}{{10,}}+"),
    ("stripe-webhook-secret", ("whsec_",), r"[A-Za-z0-9+/=]{24,}+"),
    ("supabase-key", ("sbp_",), rf"{_HEX}{{40}}"),
    ("supabase-key", ("sb_secret_",), rf"{_URL64}{{20,}}+"),
    ("tailscale-key", ("tskey-",), rf"[a-z]{{2,12}}-{_WORD}{{8,}}+-{_WORD}{{16,}}+"),
    ("typeform-token", ("tfp_",), r"[A-Za-z0-9_=.-]{40,}+"),
    ("vault-token", ("hvs.", "hvb.", "hvr."), rf"{_URL64}{{24,}}+"),
    ("vercel-token", ("vercel_blob_rw_",), rf"{_WORD}{{10,}}+_{_WORD}{{20,}}+"),
    ("xai-key", ("xai-",), rf"{_WORD}{{60,}}+"),
)  # fmt: skip

_SHAPED: Final = (
    # kind, a part that must be there, the whole
    ("1password-secret-key", "A3-", r"A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){4,5}"),
    ("airtable-token", "pat", rf"pat{_WORD}{{14}}\.{_HEX}{{64}}"),
    ("azure-client-secret", "Q~", r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    ("azure-sas-signature", "sig=", r"sig=(?:[A-Za-z0-9+/]|%[0-9A-Fa-f]{2}){40,}=?"),
    ("cloudflare-key", "v1.0-", rf"v1\.0-{_HEX}{{24}}-{_HEX}{{146}}"),
    ("mailgun-key", "key-", rf"key-{_HEX}{{32}}"),
    ("nuget-key", "oy2", r"oy2[a-z0-9]{43}"),
    ("sk-api-key", "sk-", rf"sk-{_WORD}{{20,}}+"),
    ("telegram-bot-token", ":A", r"\d{8,10}:A[A-Za-z0-9_-]{34}"),
    ("terraform-token", ".atlasv1.", rf"{_WORD}{{14}}\.atlasv1\.[A-Za-z0-9_=-]{{60,70}}"),
)  # fmt: skip


def rules() -> Iterator[PatternRule]:
    """Yield the rules for the tokens listed here."""
    for kind, prefixes, rest in _PREFIXED:
        # A short prefix turns up by chance in what is no text, such as an encrypted block.
        after = None if min(map(len, prefixes)) >= _LONG_PREFIX else NO_WORD
        for prefix in prefixes:
            pattern = re.compile(f"{re.escape(prefix)}{rest}{REST}")
            yield PatternRule(kind, pattern, marks=(prefix,), after=after)
    for kind, part, whole in _SHAPED:
        yield PatternRule(kind, re.compile(f"(?:{whole}){REST}"), marks=(part,), after=NO_WORD)
    web_token = re.compile(f"(?P<token>{_JWT})|{_EYJ}{REST}")
    yield PatternRule("json-web-token", web_token, "token", ("eyJ",), NO_WORD)
