"""Reading what people type about agents."""

from django import forms


class AgentForm(forms.Form):
    """A new agent."""

    name = forms.CharField(max_length=255, strip=False, help_text="As its program calls itself, e.g. StanAgent.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    primary_status_key = forms.CharField(
        max_length=255, initial="default", help_text="Whose prompt stands in where a requested status key has none."
    )

    def clean_description(self) -> str:
        """Browsers send CRLF; plain newlines are kept."""
        return self.cleaned_data["description"].replace("\r\n", "\n")
