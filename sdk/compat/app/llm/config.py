"""The configuration of the client, from the environment."""

from mmhie import LLMConfig

__all__ = ["LLMConfig"]
