"""Everything that stops a start, as one tree.

LauncherError                 one sentence, exit code 2
├ SettingsError               a variable that is wrong, unknown or contradicts another
├ HardwareError               the device asked for is not there
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
    """The device asked for is not there."""


class DeviceFailed(HardwareError):
    """A GPU, its driver or NCCL does not work, and no restart of the engine here mends it."""

    exit_code = 3


class ModelError(LauncherError):
    """The model's files cannot be found or read."""


class HubError(LauncherError):
    """The model hub does not give the model, or what it gave is not what it promised."""


class HubUnavailable(LauncherError):
    """The model hub cannot be reached, or does not go on; later it may (EX_TEMPFAIL)."""

    exit_code = 75


class PlanError(LauncherError):
    """The model cannot run this way on this hardware."""


class MissingPackage(LauncherError):
    """Something has to be installed first."""


class PortTaken(LauncherError):
    """Another program listens on the port."""


class NotEnoughMemory(LauncherError):
    """The machine's memory cannot hold what was asked for."""


class NotEnoughDisk(LauncherError):
    """A file system has too little room left."""


class ProgramFailed(LauncherError):
    """The gateway, or the router before several engines, did not start, or does not stay up."""


class StartError(LauncherError):
    """The engine's start ended otherwise than ready."""


class ExitedEarly(StartError):
    """The engine's process ended before it was ready."""


class EngineOutOfMemory(ExitedEarly):
    """The engine ran out of memory while it loaded; another start would end the same way."""

    exit_code = 4


class NeverReady(StartError):
    """The engine ran, but was not ready in time."""


class ToldToStop(StartError):
    """A stop was asked for while the engine was starting."""

    exit_code = 0


class GaveUp(StartError):
    """The engine kept dying, and the launcher no longer restarts it."""
