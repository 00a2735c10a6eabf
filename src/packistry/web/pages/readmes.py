"""READMEs as HTML: hostile text, made harmless.

Markdown may hold any HTML; what comes out is cleaned to a list of what may stay. Pictures from elsewhere become links,
because they would tell their server who reads here; so do links inside the project, which lead to its host. The
policy of every page (`default-src 'self'`) would load no picture from elsewhere either, should one get through.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType] - untyped options
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from packistry.sources.file_pages import FilePages

# More is no README; rendering it would hold a thread for seconds.
README_BYTES: Final = 128 * 1024
# READMEs that a worker keeps, rendered: hostile ones take seconds, ordinary ones 0.1 s.
KEPT: Final = 64
# Below the page's own h1 and the card's h2.
HEADINGS_DOWN: Final = 2
INLINE: Final = {
    "a",
    "abbr",
    "b",
    "br",
    "code",
    "del",
    "em",
    "i",
    "kbd",
    "q",
    "s",
    "samp",
    "span",
    "strong",
    "sub",
    "sup",
}
BLOCKS: Final = {"blockquote", "dd", "details", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "summary", "ul", "var"}
HEADINGS: Final = {"h3", "h4", "h5", "h6"}
TABLES: Final = {"table", "tbody", "td", "th", "thead", "tr"}
ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "th": {"align", "colspan", "rowspan"},
    "td": {"align", "colspan", "rowspan"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "div": {"tabindex"},
    **{key: {"id"} for key in HEADINGS},
}
# What the highlighter and `_table_open` put there. Another class could lay a README over the page's own buttons.
CLASSES: Final = {"span": {name for name in STANDARD_TYPES.values() if name}, "div": {"scroll"}}
SCHEMES: Final = {"http", "https", "mailto"}
# Up to the next tag at most: else a page of "<img" would be looked through once for each of them.
_PICTURE: Final = re.compile(r"<img\b[^<>]*>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"\b(src|alt)=(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)
# What is left of a link around a picture: a link in a link ends the first one.
_EMPTY_LINK: Final = re.compile(r"<a [^<>]*></a>")
SLUG: Final = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=KEPT)
def readme_html(name: str, content: bytes, pages: FilePages | None) -> Markup:
    """The README to be put into a page. `pages` are those of its commit at the host, where its relative links lead;
    without them they lead nowhere, and are words.
    """
    text = content[:README_BYTES].decode("utf-8", "replace")
    if not name.lower().endswith((".md", ".markdown")):
        return Markup("<pre tabindex=0>{}</pre>").format(text)
    return _cleaned(_markdown().render(text), pages)


def _cleaned(html: str, pages: FilePages | None) -> Markup:
    def kept(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) == ("a", "href"):
            return _address(value, pages)
        # An id of a part of the page would take its place.
        return value if attribute != "id" or value.startswith("readme-") else None

    cleaned = nh3.clean(
        _PICTURE.sub(_picture, html),
        tags=INLINE | BLOCKS | HEADINGS | TABLES,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        attribute_filter=kept,
        # It may be wider than the page: by keyboard one has to get into it to move it.
        set_tag_attribute_values={"pre": {"tabindex": "0"}},
        url_schemes=SCHEMES,
        link_rel="noopener nofollow ugc",
        clean_content_tags={"script", "style", "svg", "math", "iframe", "template"},
    )
    return Markup(_EMPTY_LINK.sub("", cleaned))  # noqa: S704 - what nh3 let through


def _picture(tag: re.Match[str]) -> str:
    """A picture written as HTML becomes a link too; nh3 cleans afterwards whatever this makes of a hostile one."""
    written = {name.lower(): value.strip("\"'") for name, value in _ATTRIBUTE.findall(tag[0])}
    return f'<a href="{written.get("src", "")}">{written.get("alt") or "picture"}</a>'


def _address(value: str, pages: FilePages | None) -> str | None:
    """Where a link leads from here; None takes the address away and leaves the words."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    if parts.scheme or parts.netloc:
        return value if parts.scheme.lower() in SCHEMES else None
    if value.startswith("#"):
        return f"#readme-{value[1:]}"
    return None if pages is None else pages.address(value)


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "highlight": _highlighted}).enable(["table", "strikethrough"])
    parser.core.ruler.push("below the page's headings", _lower_headings)
    parser.core.ruler.push("pictures in links", _note_linked)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    return parser


def _lower_headings(state: Any) -> None:
    # The ids that are taken, with the number to try next behind each: counted anew, ten thousand equal headings would
    # hold a thread for hours.
    taken: dict[str, int] = {}
    tokens: Sequence[Token] = state.tokens
    for at, token in enumerate(tokens):
        if token.type not in {"heading_open", "heading_close"}:
            continue
        token.tag = f"h{min(6, int(token.tag[1]) + HEADINGS_DOWN)}"
        if token.type == "heading_open":
            token.attrSet("id", _free_slug(tokens[at + 1].content, taken))


def _note_linked(state: Any) -> None:
    tokens: Sequence[Token] = state.tokens
    for block in tokens:
        depth = 0
        for token in block.children or ():
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            if token.type == "image":
                token.meta["linked"] = depth > 0


def _free_slug(heading: str, taken: dict[str, int]) -> str:
    slug = free = f"readme-{SLUG.sub('-', heading.lower()).strip('-')}"
    while free in taken:
        free = f"{slug}-{taken[slug]}"
        taken[slug] += 1
    taken[free] = 1
    return free


def _image(_: RendererHTML, tokens: Sequence[Token], at: int, *__: Any) -> str:
    """A link to the picture, in its own words; inside a link, which is there for something else, the words alone."""
    token = tokens[at]
    words = token.content or "picture"
    if token.meta.get("linked"):
        return str(escape(words))
    return str(Markup('<a href="{}">{}</a>').format(str(token.attrs.get("src", "")), words))


def _table_open(*_: Any) -> str:
    return '<div class="scroll" tabindex="0"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


def _highlighted(code: str, language: str, _: str) -> str:
    try:
        # A snippet of PHP seldom begins with the mark that the language begins with.
        options = {"startinline": True} if language == "php" and not code.lstrip().startswith("<?") else {}
        lexer: Any = get_lexer_by_name(language, **options)
    except ClassNotFound:
        return str(escape(code))
    return highlight(code, lexer, HtmlFormatter(nowrap=True))
