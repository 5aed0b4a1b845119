from django.urls import path

from fashionrec.storefront.views.about import about
from fashionrec.storefront.views.browse import browse
from fashionrec.storefront.views.home import home
from fashionrec.storefront.views.like import like
from fashionrec.storefront.views.likes import likes
from fashionrec.storefront.views.photo import photo
from fashionrec.storefront.views.preferences import preferences
from fashionrec.storefront.views.privacy import consent, erase, export, privacy
from fashionrec.storefront.views.product import product
from fashionrec.storefront.views.react import react
from fashionrec.storefront.views.style import style

app_name = "storefront"

urlpatterns = [
    path("", home, name="home"),
    path("browse/", browse, name="browse"),
    path("photo/", photo, name="photo"),
    path("like/<path:public_id>/", like, name="like"),
    # A public id may hold a slash: it is whatever the catalogue's source calls the product.
    path("products/<path:public_id>/", product, name="product"),
    path("react/", react, name="react"),
    path("likes/", likes, name="likes"),
    path("style/", style, name="style"),
    path("style/words/", preferences, name="preferences"),
    path("about/", about, name="about"),
    path("privacy/", privacy, name="privacy"),
    path("privacy/consent/", consent, name="consent"),
    path("privacy/export/", export, name="export"),
    path("privacy/erase/", erase, name="erase"),
]
