from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from catalog.images import FORMATS, MAX_BYTES
from catalog.search import search_by_picture
from catalog.vocabulary import corrected_query
from fashionrec.common.errors import AppError, TooLarge
from fashionrec.storefront.forms import PhotoForm
from fashionrec.storefront.listing import filters_from
from fashionrec.storefront.pages import page
from fashionrec.storefront.photo_search import SentPhoto, photo_from_token, photo_from_upload

MOST_SHOWN = 48
MEGABYTE = 1024 * 1024


# Checking the token reads the whole body, so the size is judged before; `_search` is protected.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@page
def photo(request: HttpRequest) -> HttpResponse:
    """Search with a photo, and with words and filters beside it. The photo is looked at and let go."""
    if request.method != "POST":
        return _page(request, PhotoForm(initial=request.GET.dict()))
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > MAX_BYTES + MEGABYTE:
        raise TooLarge.for_field("photo", f"{length // MEGABYTE} MB", f"at most {MAX_BYTES // MEGABYTE} MB")
    return _search(request)


@csrf_protect
def _search(request: HttpRequest) -> HttpResponse:
    form = PhotoForm(request.POST, request.FILES)
    earlier = _earlier_photo(request.POST.get("picture", ""))
    if not form.is_valid():
        return _page(request, form, status=400, photo=earlier)
    sent = form.cleaned_data
    try:
        upload = sent["image"]
        photo = photo_from_upload(upload.read(), name=upload.name) if upload else photo_from_token(sent["picture"])
        corrected = corrected_query(sent["q"])
        filters = filters_from(sent)
        found = search_by_picture(vector=photo.vector, query=corrected or sent["q"], n=MOST_SHOWN, filters=filters)
    except AppError as error:
        form.add_error("image", error.fields[0].reason if error.fields else error.message)
        return _page(request, form, status=error.status, photo=earlier)
    return _page(request, form, photo=photo, items=found, corrected=corrected, searched_photo=True)


def _earlier_photo(token: str) -> SentPhoto | None:
    """What the page showed before: it stays when what was sent now cannot be used."""
    try:
        return photo_from_token(token) if token else None
    except AppError:
        return None


def _page(request: HttpRequest, form: PhotoForm, *, status: int = 200, **found: object) -> HttpResponse:
    limits = {"formats": ", ".join(FORMATS), "megabytes": MAX_BYTES // MEGABYTE}
    return render(request, "storefront/photo.html", {"form": form, **limits, **found}, status=status)
