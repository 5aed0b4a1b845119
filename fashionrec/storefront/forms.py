"""What shoppers may send, checked before anything is looked up."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from catalog.models import Product
from fashionrec.common.errors import FieldError
from feedback.models import LONGEST_PREFERENCES, Event

LONGEST_QUERY = 200
ORDERINGS = [
    ("", "Best match"),
    ("newest", "Newest"),
    ("price", "Price: low to high"),
    ("-price", "Price: high to low"),
    ("title", "Name"),
]


class RefusingForm(forms.Form):
    """A form whose errors name the field and quote what was received."""

    @property
    def refusals(self) -> list[FieldError]:
        return [FieldError(name, self.data.get(name), str(errors[0])) for name, errors in self.errors.items()]


class FilterForm(RefusingForm):
    """Words and filters. Nothing is required."""

    q = forms.CharField(required=False, max_length=LONGEST_QUERY, label="Search")
    category = forms.CharField(required=False, max_length=400)
    brand = forms.CharField(required=False, max_length=140)
    gender = forms.ChoiceField(required=False, choices=[("", "Everyone"), *Product.Gender.choices], label="For")
    colour = forms.CharField(required=False, max_length=60)
    price_min = forms.DecimalField(required=False, min_value=0, max_digits=10, decimal_places=2, label="Lowest price")
    price_max = forms.DecimalField(required=False, min_value=0, max_digits=10, decimal_places=2, label="Highest price")
    in_stock = forms.BooleanField(required=False, label="In stock only")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        low, high = cleaned.get("price_min"), cleaned.get("price_max")
        if low is not None and high is not None and low > high:
            self.add_error("price_max", ValidationError(f"{high} is lower than the lowest price, {low}."))
        return cleaned


class BrowseForm(FilterForm):
    """The filters of the browse page, read from its address."""

    ordering = forms.ChoiceField(required=False, choices=ORDERINGS, label="Sort by")
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)
    verbatim = forms.BooleanField(required=False)

    @property
    def orderings(self) -> list[tuple[str, str]]:
        """What the list can be ordered by: matching best means nothing without words to match."""
        return ORDERINGS if self["q"].value() else ORDERINGS[1:]


class PhotoForm(FilterForm):
    """A photo to search with, or what an earlier page made of it."""

    image = forms.FileField(required=False, label="Photo")
    picture = forms.CharField(required=False, max_length=40_000)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["colour"] = cleaned.get("colour", "").lower()  # typed, not chosen
        if not self.errors and not cleaned.get("image") and not cleaned.get("picture"):
            self.add_error("image", ValidationError("Choose a photo first."))
        return cleaned


class LikeForm(RefusingForm):
    """What should be otherwise about a product."""

    q = forms.CharField(required=False, max_length=LONGEST_QUERY, label="More like this, but …")


class ShownForm(RefusingForm):
    """Where a product was shown when it was pressed."""

    slate = forms.UUIDField(required=False)
    position = forms.IntegerField(required=False, min_value=0, max_value=32_767)


class ReactionForm(ShownForm):
    PARTS = (("card", "card"), ("panel", "panel"))

    product = forms.CharField(max_length=200)
    reaction = forms.ChoiceField(
        choices=[(t.value, t.value) for t in (Event.Type.LIKE, Event.Type.DISLIKE, Event.Type.HIDE)]
    )
    part = forms.ChoiceField(choices=PARTS, required=False)


class LinesField(forms.CharField):
    """Text of several lines: a browser counts the end of a line as one character, and sends two."""

    def to_python(self, value: Any) -> Any:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class PreferencesForm(RefusingForm):
    """What somebody likes, in their own words; nothing takes back what was said."""

    preferences = LinesField(required=False, max_length=LONGEST_PREFERENCES, label="In your own words")


class ConsentForm(RefusingForm):
    answer = forms.ChoiceField(choices=[("accept", "Accept"), ("refuse", "Refuse")])
