"""Blocks that somebody pasted into a message: code, markup, data, templates, mail. Told by their form alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from prompts.data import read_yaml, strings

LONGEST = 4_000
"""Characters of a block that is read as one, so that work stays linear in the text."""

Span = tuple[int, int]


def blocks(text: str) -> Iterator[Span]:
    """Places of pasted blocks, in no order; they may overlap."""
    for pattern in _patterns():
        for found in pattern.finditer(text):
            yield found.span()
    yield from _data(text)
    yield from _tagged(text)
    yield from _replied(text)


@cache
def word_lists() -> Mapping[str, tuple[str, ...]]:
    """Lists of own_words.yaml by name."""
    return {name: strings(values) for name, values in read_yaml("own_words.yaml").items()}


def any_word(name: str) -> str:
    """A pattern for any word of a list; spaces in it stand for any blanks, longer ones come first."""
    ordered = sorted(word_lists()[name], key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word).replace(r"\ ", r"[ _-]{1,3}") for word in ordered) + ")"


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    roles, within = any_word("roles"), rf"[\s\S]{{0,{LONGEST}}}?"
    forms = (
        rf"(?P<fence>```|~~~){within}(?:(?P=fence)|\n\s*\n|\Z)",
        rf"<!--{within}(?:-->|\Z)|/\*{within}(?:\*/|\Z)|(?:^|(?<=\s))//[^\n]{{0,{LONGEST}}}",
        rf"<(?P<open>{roles})(?:\s[^<>]{{0,200}})?>(?!{within}</(?P=open)\s*>)[^\n]{{0,{LONGEST}}}",
        r"</?[a-z][\w:.-]{0,40}(?:\s[^<>]{0,200})?/?>",
        rf"\[(?P<mark>[A-Z]{{3,12}})\]{within}\[/(?P=mark)\]",
        rf"<<\s?SYS\s?>>{within}(?:<<\s?/SYS\s?>>|\Z)",
        rf"<\|[^|<>]{{1,40}}\|>(?:{within}<\|[^|<>]{{1,40}}\|>|[^\n]{{0,{LONGEST}}})",
        r"\{\{[^{}]{0,400}\}\}|\{%[^{}]{0,400}%\}|\$\{[^{}]{0,400}\}",
        # Data as name=value in a row, calls of functions, rows of tables, links.
        r"(?<!\w)[a-z_][\w.-]{0,40}=[^\s;&,]{1,80}(?:\s?[;&,\s]\s?[a-z_][\w.-]{0,40}=[^\s;&,]{1,80}){1,20}",
        r"(?<!\w)[a-z_]\w{0,40}\((?:[\"'][^\"'\n]{0,200}[\"'][^()\n]{0,80})?\);?",
        r"^[ \t]{0,8}\|[^\n]{0,400}\|[ \t]*$",
        r"!?\[[^\]\n]{0,200}\]\([^)\n]{0,400}\)",
        r"^---[ \t]*\n(?:[\w-]{1,40}:[^\n]{0,400}\n){1,40}---[ \t]*$",
        rf"^#{{1,6}}[ \t]+[^\n]{{0,40}}\b{roles}\b[^\n]{{0,200}}(?:\n[^\n]*\S[^\n]*){{0,40}}",
        rf"(?<!\w)#{{2,6}}[ \t]{{0,3}}{roles}\b[^\n]{{0,{LONGEST}}}",
        rf"^(?:{any_word('mail')}:[ \t][^\n]{{0,400}}\n){{2,12}}",
        r"^[ \t]{0,8}>[^\n]{0,4000}$",
        rf"^{any_word('forwarded')}:[ \t]*$",
        rf"(?<!\w){any_word('greets')}\s[^\n]{{1,80}},{within}\b{any_word('regards')}\b[^.\n]{{0,80}}\.?",
        r"^[ \t]{0,8}\$ [^\n]{0,4000}$",
        r"^--[ \t]?$[\s\S]{0,4000}",
        rf"(?:^|(?<=\s))-{{2,3}}[ \t]{{0,2}}{any_word('signatures')}\b[^.?!\n]{{0,80}}\.?",
        rf"(?<!\w){any_word('quote_opens')}(?!\w)[\s\S]{{0,1500}}?(?<!\w){any_word('quote_closes')}(?!\w)",
    )
    every = tuple(re.compile(form, re.IGNORECASE | re.MULTILINE) for form in forms)
    return (*every, _ENCODED)


_ENCODED = re.compile(
    r"(?<![\w+/=])(?=[A-Za-z0-9+/_-]{0,80}[a-z])(?=[A-Za-z0-9+/_-]{0,80}[A-Z])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/=])"
)
"""Base64 and the like: no word of any language is so long and has both cases."""
_KEY = re.compile(r"[\"'][\w .-]{1,60}[\"']\s{0,3}:")
_CLOSES = {"}": "{", "]": "["}


def _data(text: str) -> Iterator[Span]:
    """JSON objects, and lists of them."""
    opened: list[int] = []
    for place, character in enumerate(text):
        if character in _CLOSES.values():
            opened.append(place)
        elif character in _CLOSES and opened and text[opened[-1]] == _CLOSES[character]:
            start = opened.pop()
            if place - start < LONGEST and _KEY.search(text, start, place):
                yield start, place + 1


def _tagged(text: str) -> Iterator[Span]:
    """What stands between two tags, unless they only say how it looks."""
    for found in _TAGS.finditer(text):
        formatting = found["tag"].lower() in word_lists()["formatting"] and not _HIDDEN.search(found["attributes"])
        if not formatting:
            yield found.span()


_TAGS = re.compile(
    rf"<(?P<tag>[a-z][\w:.-]{{0,40}})(?P<attributes>(?:\s[^<>]{{0,200}})?)>[\s\S]{{0,{LONGEST}}}?</(?P=tag)\s*>",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"hidden|display|opacity|font-size|colou?r", re.IGNORECASE)


def _replied(text: str) -> Iterator[Span]:
    """The mail below a line that says whose it is: all that follows an answer, else up to where it ends."""
    for found in _reply().finditer(text):
        answered = any(c.isalnum() for c in text[: found.start()])
        ends = None if answered and found["wrote"] else _MAIL_ENDS.search(text, found.end())
        yield found.start(), ends.end() if ends else len(text)


@cache
def _reply() -> re.Pattern[str]:
    dated = r"(?:on|am|el)\s[^\n]{4,80}\s(?:wrote|schrieb|escribió)\b[^\n:]{0,60}:[ \t]*$"
    return re.compile(
        rf"^-{{2,}}[ \t]?{any_word('forwarded')}[ \t]?-{{2,}}|^(?P<wrote>{dated})", re.IGNORECASE | re.MULTILINE
    )


_MAIL_ENDS = re.compile(r"^-{2,}[ \t]?(?:end|ende|fin)\b[^\n]{0,80}|\n[ \t]*\n", re.IGNORECASE | re.MULTILINE)
