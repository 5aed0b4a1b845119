"""The personas' part of admin, a page a file. Importing a file registers its pages."""

from personas.admin import language_models, people, persona_runs, prompt_lab, rating_runs, ratings

__all__ = ["language_models", "people", "persona_runs", "prompt_lab", "rating_runs", "ratings"]
