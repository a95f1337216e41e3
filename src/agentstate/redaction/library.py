"""The rules that detect-secrets has; importing this module loads that library, 160 ms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.keyword import DENYLIST
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from agentstate.redaction.rule import NO_WORD, REST, PatternRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Left out are guesses by entropy, which take hashes for secrets; public IP addresses; and what
# takes quadratic time on a line of blanks or of one letter, for which there are rules of ours:
# assignments to keywords, JSON web tokens, npm, OpenAI, IBM, SoftLayer, Cloudant.
_DISTINCT: Final = (
    AzureStorageKeyDetector,
    GitLabTokenDetector,
    PypiTokenDetector,
    SendGridDetector,
    SlackDetector,
    SquareOAuthDetector,
    StripeDetector,
)
_WITHIN_WORDS: Final = (
    DiscordBotTokenDetector,
    GitHubTokenDetector,
    MailchimpDetector,
    TwilioKeyDetector,
)
# What stands in all that the library's pattern matches, and is looked for much faster.
_MARKS: Final[dict[str, tuple[str, ...]]] = {
    MailchimpDetector.secret_type: tuple(f"-us{digit}" for digit in range(1, 10)),
    StripeDetector.secret_type: ("k_live_",),
}

KEYWORDS: Final = tuple(DENYLIST)
"""Patterns of names whose values are secrets."""


def rules() -> Iterator[PatternRule]:
    """Yield the rules for tokens that can be told by their shape."""
    key, named_secret = AWSKeyDetector.denylist
    # Genes are written in some of the same letters, in longer words.
    word = re.compile(f"{key.pattern}(?![A-Za-z0-9])")
    yield PatternRule(_kind(AWSKeyDetector.secret_type), word, after=NO_WORD)
    yield PatternRule("aws-secret-key", named_secret, group=1)
    for plugin in _DISTINCT:
        yield from _adapted(plugin.secret_type, plugin.denylist)
    for other in _WITHIN_WORDS:
        yield from _adapted(other.secret_type, other.denylist, after=NO_WORD)


def _adapted(
    secret_type: str, patterns: Iterable[re.Pattern[str]], *, after: re.Pattern[str] | None = None
) -> Iterator[PatternRule]:
    for pattern in patterns:
        whole = re.compile(f"(?:{pattern.pattern}){REST}", pattern.flags)
        marks = _MARKS.get(secret_type, ())
        yield PatternRule(_kind(secret_type), whole, marks=marks, after=after)


def _kind(secret_type: str) -> str:
    return re.sub("[^a-z0-9]+", "-", secret_type.lower())
