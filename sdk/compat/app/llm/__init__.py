"""The medical reasoning model of MM-HIE, which runs in a service of its own."""

from mmhie import *
