"""report.pdf: the draft for people, with reference images; the notice stands across every page.

Text is drawn with the PDF base fonts where they have the letters and with the built-in CID fonts for Japanese, Korean
and Chinese; letters that none of them has are shown by their base letter or "?".
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from itertools import groupby
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Table as PdfTable

from domain.analysis import Analysis
from tools.overlay import latin
from tools.pdf_picture import PngPicture, plain_png
from tools.report_text import NOTICE, TITLE, Section, Table, report_sections, visible

rl_config.useA85 = 0
"""Streams as they are: as ASCII they are a quarter larger, and most of a report's time goes into making them so."""
BASE_FONT = "Helvetica"
_CID_FONTS = (("HeiseiKakuGo-W5", "shift_jis"), ("HYSMyeongJo-Medium", "euc_kr"), ("STSong-Light", "gb2312"))
_MARGIN_MM = 16
_CELL_PT = 8
_CELL_LEADING_PT = _CELL_PT * 1.2
_CELL_PADDING_PT = 6
"""What a table leaves free on either side of a cell's text, unless told otherwise."""
_WIDTHS = {2: (0.28, 0.72), 5: (0.16, 0.26, 0.14, 0.14, 0.3), 6: (0.16, 0.16, 0.13, 0.15, 0.2, 0.2)}


def report_pdf(analysis: Analysis, images: Sequence[tuple[str, bytes]] = (), warnings: Sequence[str] = ()) -> bytes:
    """The report of an analysis as PDF.

    Args:
        images: caption and PNG of each reference image.
    """
    return sections_pdf(report_sections(analysis, warnings), images, disclaimer=analysis.disclaimer)


def sections_pdf(
    sections: Sequence[Section],
    images: Sequence[tuple[str, bytes]] = (),
    *,
    disclaimer: str,
    title: str = TITLE,
    notice: str = NOTICE,
    across: str = "DRAFT",
    before_images: int = 3,
) -> bytes:
    """Sections as PDF.

    Args:
        images: caption and PNG of each reference image; they come after so many sections.
        notice: at the head of every page. across: stands across every page, "" for nothing.
    """
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        title=title,
        author="MedImage Orchestrator",
        subject=notice,
        leftMargin=_MARGIN_MM * mm,
        rightMargin=_MARGIN_MM * mm,
        topMargin=22 * mm,
        bottomMargin=20 * mm,
        invariant=1,
    )
    story: list[Flowable] = [_paragraph(title, "Title"), _paragraph(disclaimer, "Italic")]
    for section in sections[:before_images]:
        story += _section(section, document.width)
    for caption, png in images:
        story += [Spacer(1, 4 * mm), _picture(png, document.width), _paragraph(caption, "Italic")]
    for section in sections[before_images:]:
        story += _section(section, document.width)
    decorate = partial(_notice, disclaimer=disclaimer, notice=notice, across=across)
    document.build(story, onFirstPage=decorate, onLaterPages=decorate)
    return file.getvalue()


def marked_up(text: str) -> str:
    """Paragraph markup that shows a text as it is: escaped, and each run in a font that has its letters."""
    runs = groupby(visible(text), key=_font_of)
    return "".join(_run(font, "".join(letters)) for font, letters in runs)


@lru_cache(4096)
def _font_of(letter: str) -> str:
    if _encodable(letter, "cp1252"):
        return BASE_FONT
    return next((font for font, encoding in _CID_FONTS if _encodable(letter, encoding)), "")


def _encodable(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _run(font: str, text: str) -> str:
    if font == BASE_FONT:
        return escape(text)
    if not font:
        return escape(latin(text))
    if font not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(font))
    return f'<font name="{font}">{escape(text)}</font>'


def _paragraph(text: str, style: str, size: float | None = None) -> Paragraph:
    return Paragraph(marked_up(text), _style(style, size))


@cache
def _style(style: str, size: float | None) -> ParagraphStyle:
    base: ParagraphStyle = getSampleStyleSheet()[style]
    return base if size is None else ParagraphStyle(f"{style}{size}", base, fontSize=size, leading=size * 1.2)


def _section(section: Section, width: float) -> list[Flowable]:
    story: list[Flowable] = [_paragraph(section.heading, "Heading2")]
    story += [_paragraph(f"• {line}", "BodyText") for line in section.lines]
    if section.table is not None:
        story.append(_table(section.table, width))
    elif not section.lines:
        story.append(_paragraph(section.empty, "BodyText"))
    return story


def _table(table: Table, width: float) -> PdfTable:
    shares = _WIDTHS.get(len(table.columns), (1 / len(table.columns),) * len(table.columns))
    widths = [share * width for share in shares]
    cells = [
        [_cell(cell[:600], room) for cell, room in zip(row, widths, strict=True)]
        for row in (table.columns, *table.rows)
    ]
    drawn = PdfTable(cells, colWidths=widths, repeatRows=1)
    drawn.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.25, colors.grey),
                ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("FONT", (0, 0), (-1, -1), BASE_FONT, _CELL_PT, _CELL_LEADING_PT),
            ]
        )
    )
    return drawn


def _cell(text: str, width: float) -> Flowable | str:
    """A text that needs no second line and no other font is drawn as it is, at a small part of a paragraph's time."""
    shown = visible(text)
    plain = shown.isprintable() and all(_font_of(letter) == BASE_FONT for letter in shown)
    if plain and pdfmetrics.stringWidth(shown, BASE_FONT, _CELL_PT) <= width - 2 * _CELL_PADDING_PT:
        return shown
    return _paragraph(text, "BodyText", _CELL_PT)


def _picture(png: bytes, width: float) -> Flowable:
    """As wide as the text or 110 mm high, whichever comes first."""
    height = 110 * mm
    plain = plain_png(png)
    if plain is not None:
        scale = min(width / plain.columns, height / plain.rows)
        return PngPicture(plain, plain.columns * scale, plain.rows * scale)
    picture = Image(io.BytesIO(png))
    scale = min(width / picture.imageWidth, height / picture.imageHeight)
    picture.drawWidth, picture.drawHeight = picture.imageWidth * scale, picture.imageHeight * scale
    return picture


def _notice(canvas: Canvas, document: SimpleDocTemplate, *, disclaimer: str, notice: str, across: str) -> None:
    width, height = A4
    canvas.saveState()
    canvas.setFillColorRGB(0.75, 0.1, 0.1)
    canvas.setFont(f"{BASE_FONT}-Bold", 10)
    plain = "".join(c if _encodable(c, "cp1252") else latin(c) for c in visible(notice))
    canvas.drawCentredString(width / 2, height - 13 * mm, plain)
    canvas.setFont(BASE_FONT, 7)
    canvas.drawCentredString(width / 2, 11 * mm, f"{disclaimer} – page {document.page}")
    if across:
        canvas.setFillColorRGB(0.75, 0.1, 0.1, alpha=0.08)
        canvas.setFont(f"{BASE_FONT}-Bold", 110)
        canvas.translate(width / 2, height / 2)
        canvas.rotate(55)
        canvas.drawCentredString(0, -40, across)
    canvas.restoreState()
