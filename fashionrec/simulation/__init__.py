"""Planted worlds: shoppers and raters with a known truth. The recommender and personas never import this."""
