from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from fashionrec.common.errors import Malformed
from fashionrec.privacy import erasure
from fashionrec.privacy.consent import answer_consent
from fashionrec.privacy.export import export as export_visitor
from fashionrec.storefront.context import CONSENT_WORDING, shop_of
from fashionrec.storefront.forms import ConsentForm
from fashionrec.storefront.pages import back, page, wants_fragment
from feedback.web import COOKIE


@require_safe
@page
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "storefront/privacy.html", {"visitor": shop_of(request).visitor})


@require_POST
@page
def consent(request: HttpRequest) -> HttpResponse:
    """Accept or refuse to be remembered; both take one press, and either can be changed on the privacy page."""
    form = ConsentForm(request.POST)
    if not form.is_valid():
        raise Malformed("This answer could not be read.", fields=form.refusals)
    granted = form.cleaned_data["answer"] == "accept"
    shop = shop_of(request)
    answer_consent(visitor=shop.acting_visitor(), granted=granted, wording=CONSENT_WORDING)
    message = "Thank you. We will remember what you like." if granted else "All right. Your likes end with this visit."
    if wants_fragment(request):
        return render(request, "components/announcement.html", {"message": message})
    return back(request, message)


@require_safe
@page
def export(request: HttpRequest) -> HttpResponse:
    """Everything stored about this browser's visitor, as a file; an unknown one gets a file that says so."""
    visitor = shop_of(request).visitor
    data = export_visitor(visitor=visitor) if visitor else {"visitor": None}
    response = JsonResponse(data, json_dumps_params={"indent": 2})
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@require_POST
@page
def erase(request: HttpRequest) -> HttpResponse:
    """Forget this browser's visitor, and the cookie with it."""
    shop = shop_of(request)
    if shop.visitor is None:
        return back(request, "There is nothing to delete: we know nothing about you.", default="storefront:privacy")
    erasure.erase(visitor=shop.visitor, actor="visitor")
    shop.forget_visitor()
    response = back(request, "Deleted. We know nothing about you any more.", default="storefront:privacy")
    response.delete_cookie(COOKIE, samesite="Lax")
    return response
