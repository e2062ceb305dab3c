from allauth.account import views as allauth_views
from django.urls import include, path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("login/", allauth_views.login, name="login"),
    path("logout/", allauth_views.logout, name="logout"),
    path("keys/", views.keys, name="keys"),
    path("keys/<str:prefix>/revoke/", views.revoke_key, name="revoke_key"),
    path("account/", views.account, name="account"),
    path("local/role/", views.switch_role, name="switch_role"),
]

# allauth reverses these by its own names, so they live outside the namespace.
allauth_urlpatterns = [
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/password/change/", allauth_views.password_change, name="account_change_password"),
    path("account/reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("account/inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("login/", allauth_views.login, name="account_login"),
    path("logout/", allauth_views.logout, name="account_logout"),
    path("login/", allauth_views.login, name="account_signup"),
    path("account/", views.account, name="account_email"),
    # Whoever has no password is of local mode, or signs in elsewhere: none is made here.
    path("account/", views.account, name="account_set_password"),
]
