"""A linear classifier: does a text report an emergency, and is it a record or a study?"""
