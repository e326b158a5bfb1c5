"""The client of the reasoning service, under its first name."""

from mmhie import *
