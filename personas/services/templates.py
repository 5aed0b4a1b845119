"""The shipped prompt templates as rows."""

from fashionrec.common.errors import Invalid
from personas.ml.lab_arms import SHIPPED, TemplateText
from personas.ml.prompt_text import template_sha256
from personas.models import PromptTemplate
from personas.prompts import default_template

SHIPPED_VERSION = 1
LETTERS_ALIAS = "letters"
"""What the shop's own template is called among the arms of the prompt lab."""


def shipped_templates() -> list[PromptTemplate]:
    """The six arms of the prompt lab, the shop's letters template last but one. Missing rows are made."""
    rows = [_row(text) for text in SHIPPED]
    return [*rows[:-1], default_template(), rows[-1]]


def template_named(name: str) -> PromptTemplate:
    """The newest version of a template; "letters" is the shop's own. Raises Invalid listing the known names."""
    shipped = shipped_templates()
    if name == LETTERS_ALIAS:
        return default_template()
    found = PromptTemplate.objects.filter(name=name.replace("−", "-")).order_by("-version").first()
    if found is None:
        known = [LETTERS_ALIAS, *(template.name for template in shipped)]
        raise Invalid.for_field("templates", name, f"expected one of {', '.join(known)}, or a template of your own")
    return found


def _row(text: TemplateText) -> PromptTemplate:
    row, _ = PromptTemplate.objects.get_or_create(
        name=text.name,
        version=SHIPPED_VERSION,
        defaults={
            "style": text.style,
            "prefix": text.prefix,
            "suffix": text.suffix,
            "meanings": list(text.meanings),
            "examples": [list(example) for example in text.examples],
            "sha256": template_sha256(text.prefix, text.suffix, text.meanings, text.examples),
        },
    )
    return row
