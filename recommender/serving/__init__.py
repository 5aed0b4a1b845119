"""The way of a request: context → candidates → blend → diversify → rules → explain → log."""

from recommender.serving.recommend import PLACEMENTS, Recommendation, RecommendedItem, recommend

__all__ = ["PLACEMENTS", "Recommendation", "RecommendedItem", "recommend"]
