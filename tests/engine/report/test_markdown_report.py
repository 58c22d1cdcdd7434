"""A run as Markdown renders as the report, and untrusted text stays text."""

import pytest
from engine.report.test_text_report import finished
from farpair.engine.report.markdown_report import as_markdown, escaped
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.published import TEXTS

RENDER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = (
    "![x](http://evil)", "<script>", "[a](b)", "`code`", "**bold**", "a|b|c", "\\|", "&amp;", "$x$", "~~gone~~",
    "http://evil.example", "www.evil.example", "me@evil.example", "# title", "\x1b[31m", "  two  spaces",
)  # fmt: skip


def shown(markdown: str) -> tuple[list[str], set[str]]:
    """The texts of what `markdown` renders to, and the kinds of its tokens."""
    texts, kinds = [], set()
    for token in RENDER.parse(markdown):
        kinds.add(token.type)
        if token.type == "inline":
            kinds |= {child.type for child in token.children or ()}
            texts.append("".join(child.content for child in token.children or ()).replace("\xa0", " "))
    return texts, kinds


def test_it_holds_the_numbers_of_the_report_in_tables() -> None:
    texts, kinds = shown(as_markdown(finished()))
    assert {"heading_open", "table_open", "paragraph_open"} <= kinds
    assert texts[0].startswith("Qwen3-4B-Instruct-2507")
    for text in ("1.60828757", "71473 '██取'", "1.21912193", "3.29×", "90.16°", "0.37091675", "256–511"):
        assert text in texts
    assert "Norms > 2 × the centroid's: both." in texts


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_token_is_its_own_text_and_nothing_else(text: str) -> None:
    texts, kinds = shown(as_markdown(finished(TEXTS | {14: text, 17: text})))
    assert kinds <= {
        "heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "text", "text_special",
        "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close",
        "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close", "entity",
    }  # fmt: skip
    literal = text.replace("\\", "\\\\").replace("\x1b", r"\x1b")
    assert any(f"48494 '{literal}'" in cell for cell in texts)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).map(str.strip).filter(bool))
def test_escaped_text_renders_as_itself(text: str) -> None:
    texts, kinds = shown(escaped(text))
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}
    assert texts == [text]
