"""The tree of errors that stop a start.

LauncherError                 one sentence, exit code 2
├ SettingsError               a variable that is wrong, unknown or contradicts another
├ HardwareError               the requested device does not exist
│ └ DeviceFailed              a GPU, its driver or NCCL is broken: exit code 3
├ ModelError                  the weights or their description cannot be read
├ HubError                    the model hub refuses, or what it sends is wrong
├ HubUnavailable              the model hub cannot be reached now: exit code 75
├ PlanError                   this model cannot run this way on this hardware
├ MissingPackage              something has to be installed first
├ PortTaken                   another program listens there
├ NotEnoughMemory
├ NotEnoughDisk
├ ProgramFailed               the gateway or the router did not start, or does not stay up
└ StartError                  the three endings of an engine's start, and giving up on it
  ├ ExitedEarly
  │ └ EngineOutOfMemory       while it loaded: exit code 4
  ├ NeverReady
  ├ ToldToStop                not a failure: exit code 0
  └ GaveUp                    it kept dying
"""

from typing import ClassVar


class LauncherError(Exception):
    """A sentence a person can act on; never a word of a request."""

    exit_code: ClassVar[int] = 2


class SettingsError(LauncherError):
    """A setting is wrong, unknown or contradicts another."""


class HardwareError(LauncherError):
    """The requested device does not exist."""


class DeviceFailed(HardwareError):
    """A GPU, its driver or NCCL fails, and a restart of the engine would not help."""

    exit_code = 3


class ModelError(LauncherError):
    """The model's files cannot be found or read."""


class HubError(LauncherError):
    """The model hub refuses the model, or what it sends is damaged."""


class HubUnavailable(LauncherError):
    """The model hub cannot be reached or stalls; a later attempt may work (EX_TEMPFAIL)."""

    exit_code = 75


class PlanError(LauncherError):
    """The model cannot run this way on this hardware."""


class MissingPackage(LauncherError):
    """Something has to be installed first."""


class PortTaken(LauncherError):
    """Another program listens on the port."""


class NotEnoughMemory(LauncherError):
    """The machine has too little memory."""


class NotEnoughDisk(LauncherError):
    """A file system has too little space."""


class ProgramFailed(LauncherError):
    """The gateway, or the router before several engines, did not start, or does not stay up."""


class StartError(LauncherError):
    """The engine did not become ready."""


class ExitedEarly(StartError):
    """The engine's process ended before it was ready."""


class EngineOutOfMemory(ExitedEarly):
    """The engine ran out of memory while loading; another attempt would end the same way."""

    exit_code = 4


class NeverReady(StartError):
    """The engine was not ready in time."""


class ToldToStop(StartError):
    """A stop was asked for while the engine was starting."""

    exit_code = 0


class GaveUp(StartError):
    """The engine kept dying, and the launcher no longer restarts it."""
