"""What the prompt lab's pages read from people."""

from typing import Any

from django import forms

from personas.lab_table import settings_in_words
from personas.ml.lab_arms import BIO_RICHNESS
from personas.models import LabRun, LanguageModel, PromptTemplate
from personas.services.lab import DEFAULT_GRID, MAX_PERSONAS, MAX_PRODUCTS


class NumbersField(forms.CharField):
    """Numbers separated by commas, as in "0.7, 1"."""

    def __init__(self, kind: type[int] | type[float], **options: Any) -> None:
        super().__init__(**options)
        self.kind = kind

    def clean(self, value: Any) -> list[float]:
        text = super().clean(value)
        numbers = []
        for part in text.split(","):
            try:
                numbers.append(self.kind(part.strip()))
            except ValueError:
                raise forms.ValidationError(f"{part.strip()!r} is not a number") from None
        return numbers


def _default(name: str) -> str:
    return ", ".join(f"{value:g}" for value in DEFAULT_GRID[name])


class LabRunForm(forms.Form):
    language_models = forms.ModelMultipleChoiceField(
        LanguageModel.objects.order_by("name"), widget=forms.CheckboxSelectMultiple
    )
    templates = forms.ModelMultipleChoiceField(
        PromptTemplate.objects.order_by("name", "version"), widget=forms.CheckboxSelectMultiple
    )
    personas = forms.IntegerField(min_value=1, max_value=MAX_PERSONAS, initial=6)
    products = forms.IntegerField(min_value=1, max_value=MAX_PRODUCTS, initial=10)
    temperature = NumbersField(float, initial=_default("temperature"))
    top_p = NumbersField(float, initial=_default("top_p"))
    top_k = NumbersField(int, initial=_default("top_k"))
    repetition_penalty = NumbersField(float, initial=_default("repetition_penalty"))
    bio = forms.MultipleChoiceField(
        choices=[(name, name) for name in BIO_RICHNESS], initial=["full"], widget=forms.CheckboxSelectMultiple
    )
    seed = forms.IntegerField(min_value=0, initial=0)

    @property
    def grid(self) -> dict[str, list[Any]]:
        return {name: list(self.cleaned_data[name]) for name in DEFAULT_GRID}


class PlaceForm(forms.Form):
    """Where in a run's pairs the page stands; nonsense is the beginning."""

    cell = forms.IntegerField(min_value=0, required=False)
    after = forms.CharField(max_length=160, required=False)

    @property
    def place(self) -> dict[str, Any]:
        if not self.is_valid():
            return {}
        return {"cell": self.cleaned_data["cell"] or 0, "after": self.cleaned_data["after"]}


class ComparedArmsForm(forms.Form):
    """Two arms to be looked at side by side, whatever their prompts."""

    first = forms.TypedChoiceField(coerce=int)
    second = forms.TypedChoiceField(coerce=int)

    def __init__(self, *args: Any, run: LabRun, **options: Any) -> None:
        super().__init__(*args, **options)
        chunks = run.chunks.select_related("language_model", "template")
        named = [
            (c.index, f"{c.index}: {c.language_model}, {c.template.name}, {settings_in_words(c.arm)}") for c in chunks
        ]
        for name in ("first", "second"):
            self.fields[name].choices = named  # type: ignore[attr-defined]

    @property
    def pair(self) -> tuple[int, int] | None:
        """None when both are the same arm."""
        first, second = self.cleaned_data["first"], self.cleaned_data["second"]
        return (first, second) if first != second else None


class ChoiceForm(forms.Form):
    LEFT, RIGHT, SKIP = "left", "right", "skip"

    choice = forms.ChoiceField(choices=[(name, name) for name in (LEFT, RIGHT, SKIP)])
    left = forms.IntegerField()
    right = forms.IntegerField()
    next = forms.CharField(required=False, max_length=400)

    @property
    def better_and_worse(self) -> tuple[int, int]:
        left, right = self.cleaned_data["left"], self.cleaned_data["right"]
        return (left, right) if self.cleaned_data["choice"] == self.LEFT else (right, left)
