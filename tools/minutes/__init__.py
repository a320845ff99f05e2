"""Minutes of a tumour board, as Markdown and as a Word document."""

from tools.minutes.content import Minutes, minutes
from tools.minutes.markdown import to_markdown
from tools.minutes.word import to_docx

__all__ = ["Minutes", "minutes", "to_docx", "to_markdown"]
