"""Judgement without IO: values and one reference time in, findings out."""
